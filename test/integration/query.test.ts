import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bag, type FleetApp } from "../support/app.ts";
import { LANGUAGE_TENANTS as NAMES, openLanguageFleet } from "../support/language-fleet.ts";

// What `$<tenant>` means, asked of real tenants; what is expected comes from asking each tenant's database itself.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openLanguageFleet();
});

afterAll(async () => {
  await fleet?.close();
});

const rowsOf = async (sql: string) => (await fleet.ask(sql)).rows;

describe("where $<tenant> may stand", () => {
  test.each([
    ["a prefix", "SELECT id FROM $<tenant>_items", "SELECT id FROM items"],
    ["quoted, in mixed case", 'SELECT n FROM "$<tenant>_Odd Table"', 'SELECT n FROM "Odd Table"'],
    [
      "a part of a literal",
      "SELECT id, 'db-$<tenant>' AS db FROM $<tenant>_notes, LATERAL (SELECT item AS id) i",
      null,
    ],
  ])("%s", async (_, template, local) => {
    const expected =
      local === null
        ? (await fleet.onEachTenant("SELECT item AS id FROM notes")).map(({ id, tenant }) => ({
            id,
            db: `db-${tenant}`,
            tenant,
          }))
        : await fleet.onEachTenant(local);
    expect(bag(await rowsOf(template))).toEqual(bag(expected));
  });

  test("alone as a value, and as a literal under the tenant column's name, which then stands where it was written", async () => {
    const expected = NAMES.map((tenant) => ({ tenant, n: 7 }));
    expect(bag(await rowsOf('SELECT $<tenant>, n FROM "$<tenant>_Odd Table"'))).toEqual(bag(expected));
    expect(bag(await rowsOf(`SELECT '$<tenant>' AS tenant, n FROM "$<tenant>_Odd Table"`))).toEqual(bag(expected));
    expect(bag(await rowsOf("SELECT n, $<tenant> || '!' AS loud FROM \"$<tenant>_Odd Table\""))).toEqual(
      bag(NAMES.map((tenant) => ({ n: 7, loud: `${tenant}!`, tenant }))),
    );
  });

  test("means nothing in comments", async () => {
    const { rows } = await fleet.ask(`SELECT n /* $<nobody:~"("> */ FROM "$<tenant>_Odd Table" -- $<tenant:`);
    expect(rows).toHaveLength(3);
  });

  test.each([
    ["SELECT $$ $<tenant> $$ FROM $<tenant>_items", "TEMPLATE_PLACEHOLDER", 1, 11],
    ["SELECT E'$<tenant>' FROM $<tenant>_items", "TEMPLATE_PLACEHOLDER", 1, 10],
    ["SELECT 1 AS $<tenant>\nFROM $<tenant>_items", "TEMPLATE_PLACEHOLDER", 1, null],
    ["SELECT id::$<tenant>_type FROM $<tenant>_items", "TEMPLATE_PLACEHOLDER", 1, null],
    ["SELECT $<tenant>_f(id) FROM $<tenant>_items", "TEMPLATE_PLACEHOLDER", 1, null],
    ["SELECT id\nFROM $<tenant:plan=>_items", "TEMPLATE_SELECTOR", 2, null],
    [
      "SELECT id\nFROM $<tenant:plan=pro>_items i\nJOIN $<tenant:plan=free>_notes n ON n.item = i.id",
      "TEMPLATE_SELECTOR",
      null,
      null,
    ],
  ])("%j is refused where it stands", async (sql, code, line, column) => {
    const refusal = await fleet.refusal(sql);
    expect(refusal.code).toBe(code);
    expect(refusal.position).toBeDefined();
    if (line !== null) expect(refusal.position?.line).toBe(line);
    if (column !== null) expect(refusal.position?.column).toBe(column);
  });
});

describe("selectors", () => {
  const chosen = async (selector: string, overrides = {}) =>
    (await fleet.ask(`SELECT n FROM $<tenant${selector}>_one`, overrides)).rows.map(({ tenant }) => tenant).sort();

  test.each([
    ["", NAMES],
    [":plan=pro", ["acme", "in-itech"]],
    [":plan=pro,region!=eu", ["in-itech"]],
    [':plan=~"p.*"', ["acme", "in-itech"]],
    [':~"^g"', ["globex"]],
    [":acme|globex", ["acme", "globex"]],
    [":globex", ["globex"]],
    [":nobody", []],
  ])("%s takes %j", async (selector, expected) => {
    expect(await chosen(selector)).toEqual([...expected].sort());
  });

  test("and the request's tenants must both take a tenant", async () => {
    expect(await chosen(":plan=pro", { tenants: ["acme", "globex"] })).toEqual(["acme"]);
    expect(await chosen("", { tenants: ["in-itech"] })).toEqual(["in-itech"]);
  });

  test("a selector that nobody matches gives no rows and says nothing is expected", async () => {
    const { answer } = await fleet.ask("SELECT id FROM $<tenant:nobody>_items");
    expect(answer.coverage).toMatchObject({ expected: 0, answered: 0, failed: [] });
  });

  test("a selector that nobody matches is refused to who counts on tenants, as an alert rule does", async () => {
    for (const partial of ["fail", { percent: 1 }] as const) {
      expect(await fleet.refusal("SELECT id FROM $<tenant:plann=pro>_items", { partial })).toMatchObject({
        code: "TENANT_UNKNOWN",
        message: "no tenant matches the selectors of the query and the request",
      });
    }
  });
});

describe("a query that no tenant can compute", () => {
  test.each([
    ["SELECT id FROM $<tenant>_items LIMIT -1", /LIMIT/],
    ["SELECT 1 / (id - id) AS x FROM $<tenant>_items", /division by zero/],
    ["SELECT id FROM $<tenant>_items WHERE sqrt(-1 - id * id) > 0", /a power or a root/],
  ])("is the caller's error, wherever it is computed: %s", async (sql, message) => {
    const refusal = await fleet.refusal(sql, { tenants: ["acme", "globex"] });
    expect(refusal.code).toBe("QUERY_FAILED");
    expect(refusal.message).toMatch(message);
  });
});

describe("blocks", () => {
  test("run for each tenant", async () => {
    const expected = await fleet.onEachTenant("SELECT count(*)::int AS count, sum(amount)::float8 AS sum FROM items");
    const { rows, answer } = await fleet.ask("SELECT count(*), sum(amount)::float8 FROM $<tenant>_items");
    expect(bag(rows)).toEqual(bag(expected));
    expect(answer.coverage).toMatchObject({ expected: 3, answered: 3, failed: [] });
  });

  test("that read a copied block run once over all tenants", async () => {
    expect(await rowsOf("SELECT sum(n)::int AS n FROM (SELECT count(*) AS n FROM $<tenant>_items) t")).toEqual([
      { n: 5 },
    ]);
    expect(
      await rowsOf(`SELECT tenant, n FROM (SELECT count(*) AS n FROM $<tenant>_items) t
        WHERE n > (SELECT avg(n) FROM (SELECT count(*) AS n FROM $<tenant>_items) u) ORDER BY 1`),
    ).toEqual([
      { tenant: "acme", n: 3 },
      { tenant: "globex", n: 2 },
    ]);
  });

  test("inside a copied block are about the same tenant, at any depth", async () => {
    const local = `SELECT id, (SELECT count(*)::int FROM notes n WHERE n.item = i.id) AS notes FROM items i
      WHERE EXISTS (SELECT 1 FROM (SELECT item FROM notes) x WHERE x.item = i.id)`;
    const template = local.replaceAll(/FROM (items|notes)/g, "FROM $<tenant>_$1");
    expect(bag(await rowsOf(template))).toEqual(bag(await fleet.onEachTenant(local)));
  });

  test("with $<tenant> only in an expression are copied too", async () => {
    expect(bag(await rowsOf("SELECT (SELECT count(*) FROM $<tenant>_items) AS n"))).toEqual(
      bag(await fleet.onEachTenant("SELECT (SELECT count(*)::int FROM items) AS n")),
    );
  });

  test("that would be one tenant's and the fleet's at once are refused with a hint", async () => {
    const refusal = await fleet.refusal(
      "SELECT n, (SELECT count(*) FROM $<tenant>_items) FROM (SELECT count(*) AS n FROM $<tenant>_notes) t",
    );
    expect(refusal.code).toBe("TEMPLATE_SCOPE");
    expect(refusal.hint).toBeTypeOf("string");
    expect(refusal.position?.line).toBe(1);
  });

  test("joins within a tenant never match another tenant's rows", async () => {
    const local = "SELECT i.id, n.body FROM items i JOIN notes n ON n.item = i.id";
    const template = "SELECT i.id, n.body FROM $<tenant>_items i JOIN $<tenant>_notes n ON n.item = i.id";
    const rows = await rowsOf(template);
    expect(bag(rows)).toEqual(bag(await fleet.onEachTenant(local)));
    expect(rows).toHaveLength(4);
  });
});

describe("WITH queries", () => {
  test("mean one tenant's rows in a copied block and all rows elsewhere", async () => {
    const expected = await fleet.onEachTenant(
      "SELECT i.id, c.n::int AS n FROM items i, (SELECT count(*) AS n FROM items) c WHERE i.id < c.n",
    );
    expect(
      bag(
        await rowsOf(
          "WITH c AS (SELECT count(*) AS n FROM $<tenant>_items) SELECT i.id, c.n FROM $<tenant>_items i, c WHERE i.id < c.n",
        ),
      ),
    ).toEqual(bag(expected));
    expect(
      await rowsOf(
        "WITH c AS (SELECT count(*) AS n FROM $<tenant>_items) SELECT count(*) AS tenants, sum(n)::int AS n FROM c",
      ),
    ).toEqual([{ tenants: 3, n: 5 }]);
  });

  test("give both meanings in one template", async () => {
    const rows = await rowsOf(`WITH c AS (SELECT count(*) AS n FROM $<tenant>_items)
      SELECT t.tenant, t.own, (SELECT sum(n)::int FROM c) AS all_of_them
      FROM (SELECT c.n AS own FROM c, $<tenant>_items i GROUP BY c.n) t ORDER BY 1`);
    expect(rows).toEqual([
      { tenant: "acme", own: 3, all_of_them: 5 },
      { tenant: "globex", own: 2, all_of_them: 5 },
    ]);
  });

  test("that refer to themselves recurse within each tenant", async () => {
    const rows = await rowsOf(`WITH RECURSIVE path AS (
        SELECT id, 1 AS depth FROM $<tenant>_nodes WHERE parent IS NULL
        UNION ALL SELECT n.id, depth + 1 FROM $<tenant>_nodes n JOIN path p ON n.parent = p.id)
      SELECT max(depth) AS depth, count(*) AS n FROM path`);
    expect(rows).toEqual([{ depth: 3, n: 9 }]);
  });
});

describe("set operations", () => {
  test("UNION gives a side that is not copied a null tenant", async () => {
    const rows = await rowsOf(`SELECT n FROM "$<tenant>_Odd Table" UNION ALL SELECT 0`);
    expect(bag(rows)).toEqual(bag([...NAMES.map((tenant) => ({ n: 7, tenant })), { n: 0, tenant: null }]));
  });

  test.each(["EXCEPT", "INTERSECT"])("%s works within a tenant", async (operation) => {
    const expected = await fleet.onEachTenant(`SELECT id FROM items ${operation} SELECT item FROM notes`);
    const rows = await rowsOf(`SELECT id FROM $<tenant>_items ${operation} SELECT item FROM $<tenant>_notes`);
    expect(bag(rows)).toEqual(bag(expected));
    const constant = await fleet.onEachTenant(`SELECT id FROM items ${operation} SELECT 1`);
    expect(bag(await rowsOf(`SELECT id FROM $<tenant>_items ${operation} SELECT 1`))).toEqual(bag(constant));
  });

  test("UNION removes the duplicates of a tenant, not those between tenants", async () => {
    const expected = await fleet.onEachTenant("SELECT item FROM notes UNION SELECT id FROM items");
    expect(bag(await rowsOf("SELECT item FROM $<tenant>_notes UNION SELECT id FROM $<tenant>_items"))).toEqual(
      bag(expected),
    );
  });
});

describe("the tenant column", () => {
  test("comes last, so that ordinals keep their meaning", async () => {
    const { rows } = await fleet.ask("SELECT kind, count(*) FROM $<tenant>_items GROUP BY 1 ORDER BY 1 NULLS FIRST, 3");
    expect(Object.keys(rows[0] ?? {})).toEqual(["kind", "count", "tenant"]);
    expect(rows[0]).toEqual({ kind: null, count: 1, tenant: "acme" });
  });

  test("can be named where no relation has it", async () => {
    const expected = await fleet.onEachTenant("SELECT count(*)::int AS count FROM items HAVING count(*) > 0");
    expect(bag(await rowsOf("SELECT tenant, count(*) FROM $<tenant>_items GROUP BY tenant"))).toEqual(
      bag(expected.map(({ count, tenant }) => ({ tenant, count }))),
    );
    expect(await rowsOf("SELECT count(*) FROM $<tenant>_items WHERE tenant = 'acme' HAVING count(*) > 0")).toEqual([
      { count: 3, tenant: "acme" },
    ]);
  });

  test("is the relation's where it has one; from a star that one is called tenant_1", async () => {
    expect(await rowsOf("SELECT * FROM $<tenant>_with_tenant")).toEqual([{ tenant_1: "inner", n: 1, tenant: "acme" }]);
    expect(await rowsOf("SELECT n FROM $<tenant>_with_tenant WHERE tenant = 'inner'")).toEqual([
      { n: 1, tenant: "acme" },
    ]);
  });

  test("cannot be something else", async () => {
    const refusal = await fleet.refusal("SELECT kind AS tenant FROM $<tenant>_items");
    expect(refusal.code).toBe("TEMPLATE_TENANT_COLUMN");
    expect(refusal.hint).toContain("tenant_1");
    expect((await fleet.refusal("SELECT tenant FROM $<tenant>_with_tenant")).code).toBe("TEMPLATE_TENANT_COLUMN");
  });
});
