import { afterAll, describe, expect, it } from "vitest";
import { createParser } from "../../../src/sql/parser.ts";
import type { Catalog } from "../../../src/types.ts";
import { compileSample } from "./compile-sample.ts";
import { sampleTenant } from "./sample-catalog.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

/** No table of this fleet has a column called tenant. */
const acme = sampleTenant("acme", {}, { orders: "id bigint, amount numeric" });
const catalog: Catalog = {
  version: "1",
  loadedAtMs: 0,
  tenants: new Map([[acme.name, acme]]),
  localRelations: new Map(),
};

describe("compileTemplate", () => {
  it.each([
    "SELECT t.tenant, t.n FROM (SELECT count(*) AS n FROM $<tenant>_orders) t",
    "SELECT a.id FROM (SELECT id FROM $<tenant>_orders) a JOIN (SELECT id FROM $<tenant>_orders) b ON a.tenant = b.tenant",
    "WITH c AS (SELECT id FROM $<tenant>_orders) SELECT c.tenant FROM c",
    "SELECT t.tenant_1 FROM (SELECT * FROM $<tenant>_orders) t",
    "SELECT t.time FROM (SELECT $__timeEpoch(amount) FROM $<tenant>_orders) t",
    "SELECT t.big FROM (SELECT id > 9 AS big FROM $<tenant>_orders) t",
    "SELECT t.case, t.coalesce FROM (SELECT CASE WHEN id > 1 THEN 1 END, COALESCE(id, 1) FROM $<tenant>_orders) t",
    "SELECT v.goal FROM (SELECT id FROM $<tenant>_orders) t, (VALUES (1)) v(goal)",
    "WITH c(total) AS (SELECT sum(amount) FROM $<tenant>_orders) SELECT c.total FROM c",
  ])("knows the columns that the query itself gives: %s", async (sql) => {
    expect((await compileSample(sql, catalog, parser)).blocks).not.toEqual([]);
  });

  it("leads a place in the outer statement back to the user's text", async () => {
    const sql = "SELECT sum(n)\nFROM (SELECT count(*) AS n FROM $<tenant>_orders) t\nWHERE nope > 1";
    const { outerSql, outerPosition } = await compileSample(sql, catalog, parser);
    expect(outerPosition((outerSql ?? "").indexOf("nope") + 1)).toMatchObject({ line: 3, column: 7 });
  });

  it("leads a place in an arm back to the user's text, for tenants with names of any length", async () => {
    const sql = "SELECT '$<tenant>', '🐘',\n  nope FROM $<tenant>_orders";
    const [block] = (await compileSample(sql, catalog, parser)).blocks;
    for (const tenant of ["a", "o'hara", "🐘🐘"]) {
      const relations = [`"fleet"."${tenant}_orders"`];
      const arm = block?.arm.fill(tenant, relations) ?? "";
      // PostgreSQL counts characters, not UTF-16 units.
      const character = [...arm.slice(0, arm.indexOf("nope"))].length + 1;
      expect(block?.arm.positionOf(character, tenant, relations)).toMatchObject({ line: 2, column: 3 });
    }
  });

  it("shows the template with its macros expanded and $<tenant> as written", async () => {
    const sql =
      "SELECT $__timeGroupAlias(id, '5m'), '$<tenant>' FROM $<tenant:plan=pro>_orders WHERE tenant = $<tenant>";
    expect((await compileSample(sql, catalog, parser)).expandedSql()).toBe(
      `SELECT floor(EXTRACT(EPOCH FROM id) / 300) * 300 AS "time", '$<tenant>' FROM $<tenant:plan=pro>_orders WHERE tenant = $<tenant>`,
    );
  });
});
