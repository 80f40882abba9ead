import { expect, test } from "vitest";
import { describeTenants } from "../../../src/demo/profiles.ts";

test("the demo's fleet is uneven in the ways that dashboards are there to show", () => {
  const fleet = describeTenants(81);
  const named = (matches: (tenant: (typeof fleet)[number]) => boolean): string[] =>
    fleet.filter(matches).map((tenant) => tenant.name);

  expect(fleet.map((tenant) => tenant.name)).toEqual(Array.from({ length: 81 }, (_, index) => `tenant_${index}`));
  expect(named((tenant) => tenant.olderSchema)).toEqual(["tenant_7"]);
  expect(named((tenant) => tenant.delayMs > 0)).toEqual(["tenant_13"]);
  expect(named((tenant) => tenant.jobs === 0)).toEqual(["tenant_11"]);
  expect(named((tenant) => tenant.refreshSeconds === null)).toEqual(["tenant_17", "tenant_42"]);
  expect(named((tenant) => tenant.orders < 50)).toEqual(["tenant_5", "tenant_21", "tenant_37", "tenant_69"]);

  const sizes = fleet.map((tenant) => tenant.orders).sort((a, b) => a - b);
  expect(sizes.at(-1) ?? 0).toBeGreaterThan(10 * (sizes[40] ?? Number.POSITIVE_INFINITY));
  const counts = (label: string): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const { labels } of fleet) found[labels[label] ?? ""] = (found[labels[label] ?? ""] ?? 0) + 1;
    return found;
  };
  expect(counts("plan")).toEqual({ pro: 25, free: 48, enterprise: 8 });
  expect(counts("region")).toEqual({ eu: 48, us: 22, ap: 11 });
});

test("small fleets keep the older schema; a single tenant has the current one", () => {
  expect(describeTenants(3).map((tenant) => tenant.olderSchema)).toEqual([false, false, true]);
  expect(describeTenants(1).map((tenant) => tenant.olderSchema)).toEqual([false]);
});
