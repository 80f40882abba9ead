import { expect, test } from "vitest";
import { dropTenant } from "../../src/tenants/drop-tenant.ts";
import { type FleetApp, withFleet } from "../support/app.ts";
import { withSql } from "../support/postgres.ts";

// A table that was dropped or is locked since the catalog was read costs its own tenant the answer, whichever tenant it is.

const NAMES = ["a", "b", "c", "d"] as const;
const ddlWith = (type: string) =>
  `CREATE TABLE items (id int, k ${type}); INSERT INTO items VALUES (1, 1); CREATE TABLE other (id int);`;
const OPTIONS = {
  // One that nobody else is like is another shape.
  ddl: { a: ddlWith("int"), b: ddlWith("int"), c: ddlWith("int"), d: ddlWith("bigint") },
  tenants: { refresh: "1h" },
};

const QUESTIONS = [
  "SELECT id, k FROM $<tenant>_items WHERE id >= 0",
  "SELECT count(*) AS n FROM $<tenant>_items",
  "SELECT k, count(*) AS n FROM $<tenant>_items GROUP BY k",
  "SELECT n FROM (SELECT count(*) AS n, k FROM $<tenant>_items GROUP BY k) AS each_of_them",
  "SELECT * FROM $<tenant>_items",
];

/** Asks in ways that the federation database has not described before. */
async function expectOthers(fleet: FleetApp, gone: readonly string[], reason: string): Promise<void> {
  const others = NAMES.filter((name) => !gone.includes(name));
  for (const [index, sql] of QUESTIONS.entries()) {
    const { answer, rows } = await fleet.ask(sql);
    expect(answer.coverage).toMatchObject({ expected: 4, answered: others.length });
    expect(answer.coverage.failed.map((failure) => [failure.tenant, failure.reason])).toEqual(
      gone.map((name) => [name, reason]),
    );
    if (index !== 3) expect(rows.map(({ tenant }) => tenant).toSorted()).toEqual(others);
    for (const name of others) expect((await fleet.ask(sql, { tenants: [name] })).answer.coverage.failed).toEqual([]);
  }
}

test.each([["a"], ["d"], ["a", "b"], ["b", "c"]].map((gone) => ({ gone })))("tables of $gone are dropped", ({ gone }) =>
  withFleet(NAMES, OPTIONS, async (fleet) => {
    await withSql(fleet.federationUrl, async (database) => {
      for (const name of gone) await dropTenant({ database, config: fleet.config }, name);
    });
    await expectOthers(fleet, gone, "relation_missing");
  }),
);

test("a whole shape's own reasons are each tenant's own", () =>
  withFleet(NAMES, OPTIONS, async (fleet) => {
    await fleet.onFederation("DROP FOREIGN TABLE a_items, b_items, c_items");
    const { answer } = await fleet.ask("SELECT id FROM $<tenant>_items");
    expect(answer.coverage.failed.map(({ detail }) => detail)).toEqual(
      ["a", "b", "c"].map((name) => `relation "public.${name}_items" does not exist`),
    );
    const refusal = await fleet.refusal("SELECT id FROM $<tenant>_items", { tenants: ["b"] });
    expect(refusal).toMatchObject({ code: "TENANT_FAILED", message: expect.stringContaining("b_items") });
    expect(refusal.message).not.toContain("a_items");
  }));

test("a table is locked", () =>
  withFleet(NAMES, OPTIONS, (fleet) =>
    withSql(fleet.federationUrl, (locking) =>
      locking.transaction(async (query) => {
        await query("ALTER FOREIGN TABLE a_items OPTIONS (ADD fetch_size '10')");
        const { answer, rows } = await fleet.ask("SELECT id, k FROM $<tenant>_items WHERE id >= 0");
        expect(answer.coverage.failed).toMatchObject([{ tenant: "a", reason: "query_failed" }]);
        expect(rows.map(({ tenant }) => tenant)).toEqual(["b", "c", "d"]);
        expect((await fleet.ask("SELECT k FROM $<tenant>_items", { tenants: ["b"] })).rows).toHaveLength(1);
      }),
    ),
  ));

test("a query that is wrong is wrong for all, and the place is told", () =>
  withFleet(NAMES, OPTIONS, async (fleet) => {
    const sql = "SELECT id FROM $<tenant>_items WHERE id = k || 'x'";
    expect(await fleet.refusal(sql)).toMatchObject({
      code: "QUERY_FAILED",
      position: { line: 1, column: sql.indexOf("= k") + 1 },
    });
  }));
