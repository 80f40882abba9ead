import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bag, type FleetApp } from "../support/app.ts";
import { openLanguageFleet } from "../support/language-fleet.ts";

// What belongs to one tenant and what to the fleet: joins, limits, order, and schemas that differ.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openLanguageFleet();
});

afterAll(async () => {
  await fleet?.close();
});

const rowsOf = async (sql: string) => (await fleet.ask(sql)).rows;

describe("joins of fleets", () => {
  const sides = "(SELECT count(*) AS n FROM $<tenant>_items) a %s (SELECT count(*) AS m FROM $<tenant>_notes) b";

  test.each(["JOIN|USING (tenant)", "JOIN|ON a.tenant = b.tenant"])("on the tenant: %s", async (join) => {
    const [kind = "", condition = ""] = join.split("|");
    expect(await rowsOf(`SELECT n, m, a.tenant FROM ${sides.replace("%s", kind)} ${condition} ORDER BY 3`)).toEqual([
      { n: 3, m: 3, tenant: "acme" },
      { n: 2, m: 1, tenant: "globex" },
      { n: 0, m: 0, tenant: "in-itech" },
    ]);
  });

  test("without the tenant are refused, unless they are written CROSS JOIN", async () => {
    const refusal = await fleet.refusal(`SELECT n FROM ${sides.replace("%s", "JOIN")} ON a.n = b.m`);
    expect(refusal.code).toBe("TEMPLATE_JOIN");
    expect((await fleet.refusal(`SELECT n FROM ${sides.replace("%s", ",")} WHERE n = m`)).code).toBe("TEMPLATE_JOIN");
    expect(await rowsOf(`SELECT count(*) AS n FROM ${sides.replace("%s", "CROSS JOIN")}`)).toEqual([{ n: 9 }]);
  });
});

describe("LIMIT, DISTINCT and ORDER BY", () => {
  test("LIMIT is per tenant in a copied block, and a notice says so; outside it is the fleet's", async () => {
    const { rows, notices } = await fleet.ask("SELECT id FROM $<tenant>_items ORDER BY id DESC LIMIT 1");
    expect(rows).toEqual([
      { id: 4, tenant: "globex" },
      { id: 3, tenant: "acme" },
    ]);
    expect(notices.join()).toContain("per tenant");
    const outside = await fleet.ask("SELECT id FROM (SELECT id FROM $<tenant>_items) t ORDER BY id DESC LIMIT 1");
    expect(outside.rows).toEqual([{ id: 4 }]);
    expect(outside.notices).toEqual([]);
  });

  test("ORDER BY orders the whole answer, also by what the output lacks", async () => {
    expect((await rowsOf("SELECT id FROM $<tenant>_items ORDER BY at DESC")).map(({ id }) => id)).toEqual([
      4, 3, 1, 2, 1,
    ]);
    expect(Object.keys((await rowsOf("SELECT id FROM $<tenant>_items ORDER BY at DESC"))[0] ?? {})).toEqual([
      "id",
      "tenant",
    ]);
    expect(
      (await rowsOf("SELECT amount FROM $<tenant>_items ORDER BY amount DESC NULLS LAST")).map(({ amount }) => amount),
    ).toEqual([12345678901234567000, 10, 1.5, -3, null]);
  });

  test("text is ordered as the federation database orders it, and as a named collation does", async () => {
    const texts = await fleet.onFederation(
      "SELECT k FROM (VALUES ('a'), ('b'), ('b'), ('Ä'), (NULL)) t(k) ORDER BY k DESC",
    );
    expect((await rowsOf("SELECT kind FROM $<tenant>_items ORDER BY kind DESC")).map(({ kind }) => kind)).toEqual(
      texts.map(({ k }) => k),
    );
    expect(
      (await rowsOf('SELECT kind FROM $<tenant>_items ORDER BY kind COLLATE "C"')).map(({ kind }) => kind),
    ).toEqual(["a", "b", "b", "Ä", null]);
  });

  test("DISTINCT is the tenant's inside and the fleet's outside", async () => {
    expect(await rowsOf("SELECT DISTINCT item FROM $<tenant>_notes ORDER BY 1")).toHaveLength(3);
    expect(await rowsOf("SELECT DISTINCT kind FROM (SELECT kind FROM $<tenant>_items) t")).toHaveLength(4);
  });

  test("windows see their block's rows", async () => {
    expect(bag(await rowsOf("SELECT id, rank() OVER (ORDER BY id DESC) AS r FROM $<tenant>_items"))).toEqual(
      bag(await fleet.onEachTenant("SELECT id, (rank() OVER (ORDER BY id DESC))::int AS r FROM items")),
    );
  });
});

describe("drift", () => {
  test("a star is the union of the columns, by smallest position, then name; missing ones are null", async () => {
    const { rows, answer } = await fleet.ask("SELECT * FROM $<tenant>_drifted ORDER BY id");
    expect(rows.map((row) => Object.keys(row))).toEqual(Array(3).fill(["id", "name", "extra", "late", "tenant"]));
    expect(rows).toEqual([
      { id: 1, name: "x", extra: true, late: null, tenant: "acme" },
      { id: 2, name: "y", extra: null, late: null, tenant: "globex" },
      { id: 3, name: "z", extra: null, late: Date.UTC(2026, 1, 3), tenant: "in-itech" },
    ]);
    expect(answer.coverage.failed).toEqual([]);
  });

  test("a tenant without a column that is named is left out, and named", async () => {
    const { rows, answer, notices } = await fleet.ask("SELECT id, extra FROM $<tenant>_drifted");
    expect(rows).toEqual([{ id: 1, extra: true, tenant: "acme" }]);
    expect(answer.coverage.failed.map(({ tenant, reason }) => [tenant, reason])).toEqual([
      ["globex", "column_missing"],
      ["in-itech", "column_missing"],
    ]);
    expect(notices.join()).toMatch(/globex, in-itech left out: .*extra/);
  });

  test("a tenant without the relation is left out, and named", async () => {
    const { rows, answer, notices } = await fleet.ask("SELECT n FROM $<tenant>_only_acme");
    expect(rows).toEqual([{ n: 42, tenant: "acme" }]);
    expect(answer.coverage.failed.map(({ reason }) => reason)).toEqual(["relation_missing", "relation_missing"]);
    expect(notices.join()).toContain("$<tenant>_only_acme");
  });

  test("a relation or column that no tenant has is the user's mistake", async () => {
    const relation = await fleet.refusal("SELECT 1\nFROM $<tenant>_nothing");
    expect(relation).toMatchObject({ code: "QUERY_FAILED", position: { line: 2, column: 6 } });
    expect(relation.hint).toContain("items");
    const column = await fleet.refusal("SELECT id,\n  wrong FROM $<tenant>_items");
    expect(column).toMatchObject({ code: "QUERY_FAILED", position: { line: 2, column: 3 } });
    expect(column.message).toContain('"wrong"');
  });

  test("int4 and int8 meet as int8, with all digits", async () => {
    const { text, answer } = await fleet.ask("SELECT v FROM $<tenant>_widths ORDER BY v");
    expect(text).toBe('[{"v":1,"tenant":"acme"},{"v":9007199254740993,"tenant":"globex"}]');
    expect(answer.coverage.answered).toBe(3);
    const frame = await fleet.ask("SELECT v FROM $<tenant>_widths ORDER BY v", { format: "table" });
    expect(frame.text).toContain("9007199254740993");
  });

  test("types that cannot meet are named, with the tenants", async () => {
    const refusal = await fleet.refusal("SELECT v FROM $<tenant>_clash");
    expect(refusal.code).toBe("TEMPLATE_DRIFT");
    expect(refusal.message).toMatch(/v is (integer|text) in .*(integer|text) in /);
    expect(await rowsOf("SELECT v::text FROM $<tenant>_clash")).toEqual([]);
  });

  test("whole rows of drifted tenants are refused", async () => {
    expect((await fleet.refusal("SELECT d FROM $<tenant>_drifted d")).code).toBe("TEMPLATE_DRIFT");
  });
});

test("all tenants see one instant, also where something beside it cannot be evaluated", async () => {
  const unreached = "CASE WHEN id < 0 THEN 1 / (extract(epoch FROM now()) * 0) END";
  const rows = await rowsOf(
    `SELECT now()::text AS at, current_timestamp::text AS same, ${unreached} AS x FROM $<tenant>_items`,
  );
  expect(new Set(rows.map(({ tenant }) => tenant)).size).toBe(2);
  expect(new Set(rows.flatMap(({ at, same }) => [at, same])).size).toBe(1);
});
