import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetApp, onlyTenants } from "../support/app.ts";
import { openLanguageFleet } from "../support/language-fleet.ts";

// A caller who may see one tenant never learns of the others.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openLanguageFleet();
});

afterAll(async () => {
  await fleet?.close();
});

describe("what one caller may see", () => {
  const principal = onlyTenants("acme");

  test("is all that exists for it", async () => {
    const { rows, answer, notices } = await fleet.ask("SELECT count(*) FROM $<tenant>_items", { principal });
    expect(rows).toEqual([{ count: 3, tenant: "acme" }]);
    expect(answer.coverage).toMatchObject({ expected: 1, answered: 1, failed: [] });
    expect(notices).toEqual([]);
  });

  test.each([
    "SELECT id, extra, late FROM $<tenant>_drifted",
    "SELECT id FROM $<tenant:globex>_items",
    "SELECT wrong FROM $<tenant>_items",
    "SELECT 1 FROM $<tenant>_nothing",
    "SELECT * FROM $<tenant>_drifted",
    "SELECT v FROM $<tenant>_clash",
    "SELECT d FROM $<tenant>_drifted d",
    "SELECT 1 FROM globex_items",
  ])("%s tells nothing of the others", async (sql) => {
    const told = await fleet
      .ask(sql, { principal })
      .catch(({ code, message, hint, position }: Record<string, unknown>) => ({ code, message, hint, position }));
    const explained = await fleet
      .explain(sql, { principal })
      .catch(({ code, message, hint }: Record<string, unknown>) => ({ code, message, hint }));
    const texts = JSON.stringify([told, explained]).replaceAll(JSON.stringify(sql).slice(1, -1), "");
    expect(texts.replaceAll("$<tenant:globex>", "").replaceAll("globex_items", "")).not.toMatch(
      /globex|itech|"expected":[23]/,
    );
    expect(texts).not.toContain("late date");
  });

  test("a tenant that it may not see and one that does not exist give the same answer", async () => {
    const hidden = await fleet.refusal("SELECT id FROM $<tenant>_items", { principal, tenants: ["globex"] });
    const absent = await fleet.refusal("SELECT id FROM $<tenant>_items", { principal, tenants: ["nobody"] });
    expect(hidden.code).toBe("TENANT_UNKNOWN");
    expect(JSON.stringify(hidden).replaceAll("globex", "nobody")).toBe(JSON.stringify(absent));
  });
});
