import { expect, test } from "vitest";
import { coverageOf, requireTenants } from "../../../src/query/coverage.ts";
import type { TenantFailure } from "../../../src/types.ts";

const EXPECTED = new Set(["a", "b"]);
const ANYTHING = { partial: "allow", required: [] } as const;
const hurried = (tenant: string): TenantFailure => ({ tenant, reason: "timeout", detail: "", inconclusive: true });
const silent = (tenant: string): TenantFailure => ({ tenant, reason: "timeout", detail: "no answer within 10.0 s" });

test("a request that had no time for anybody is told so, and no tenant is blamed", () => {
  const nobody = coverageOf(EXPECTED, [hurried("a"), hurried("b")]);
  expect(() => requireTenants(nobody, EXPECTED, ANYTHING)).toThrow(
    expect.objectContaining({ code: "DEADLINE_EXCEEDED" }),
  );
  const oneIsSilent = coverageOf(EXPECTED, [hurried("a"), silent("b")]);
  expect(() => requireTenants(oneIsSilent, EXPECTED, ANYTHING)).toThrow(
    expect.objectContaining({ code: "TENANT_FAILED" }),
  );
  const oneAnswered = coverageOf(EXPECTED, [hurried("a")]);
  expect(() => requireTenants(oneAnswered, EXPECTED, ANYTHING)).not.toThrow();
  expect(() => requireTenants(oneAnswered, EXPECTED, { ...ANYTHING, partial: "fail" })).toThrow(
    expect.objectContaining({ code: "TENANT_FAILED" }),
  );
});
