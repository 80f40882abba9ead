import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bag, type FleetApp, type Row } from "../support/app.ts";
import { openLanguageFleet } from "../support/language-fleet.ts";

// Blocks of every form that a SELECT can take, against asking each tenant by itself.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openLanguageFleet();
});

afterAll(async () => {
  await fleet?.close();
});

const rowsOf = async (sql: string) => (await fleet.ask(sql)).rows;

/** A block as each tenant's own database has it: `$<tenant>_x` is `x` there. */
const ownSql = (sql: string) => sql.replaceAll("$<tenant>_", "");

function inNameOrder(row: Row): Row {
  return Object.fromEntries(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
}

describe("a copied block gives the rows that asking each tenant gives", () => {
  test.each([
    ["no output columns", "SELECT FROM $<tenant>_items"],
    ["TABLE", "TABLE $<tenant>_notes"],
    ["VALUES in FROM", "SELECT v.x, n FROM $<tenant>_one, (VALUES (1), (2)) v(x)"],
    ["VALUES in WITH", "WITH v(x) AS (VALUES (1), (2)) SELECT v.x, n FROM $<tenant>_one, v"],
    ["a side of VALUES under EXCEPT", "VALUES (7), (8) EXCEPT SELECT n FROM $<tenant>_one"],
    [
      "a join with an alias",
      "SELECT j.id FROM ($<tenant>_items i JOIN $<tenant>_notes n ON n.item = i.id) AS j(id, k, a, b, c, d)",
    ],
    ["USING with an alias", "SELECT x.id, a.kind FROM $<tenant>_items a JOIN $<tenant>_items b USING (id) AS x"],
    ["NATURAL JOIN", "SELECT id, parent FROM $<tenant>_items NATURAL JOIN $<tenant>_nodes"],
    [
      "nested joins",
      "SELECT i.id, n.body FROM $<tenant>_items i LEFT JOIN ($<tenant>_notes n JOIN $<tenant>_nodes o ON o.id = n.item) ON n.item = i.id",
    ],
    ["FULL JOIN USING", "SELECT id, parent FROM $<tenant>_items FULL JOIN $<tenant>_nodes USING (id)"],
    [
      "LATERAL",
      "SELECT t.id, u.body FROM $<tenant>_items t LEFT JOIN LATERAL (SELECT body FROM $<tenant>_notes n WHERE n.item = t.id ORDER BY body LIMIT 1) u ON true",
    ],
    [
      "ROWS FROM",
      "SELECT g.n, g.m FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS g(n, m), $<tenant>_one",
    ],
    ["WITH ORDINALITY", "SELECT n, v, o FROM $<tenant>_one, unnest(ARRAY['a', 'b']) WITH ORDINALITY AS u(v, o)"],
    ["DISTINCT ON", "SELECT DISTINCT ON (item) body FROM $<tenant>_notes ORDER BY item, body DESC"],
    [
      "a named window",
      "SELECT id, sum(id) OVER w AS s FROM $<tenant>_items WINDOW w AS (ORDER BY id ROWS UNBOUNDED PRECEDING)",
    ],
    [
      "a window of a window",
      "SELECT id, count(*) OVER (w ORDER BY id) AS s FROM $<tenant>_items WINDOW w AS (PARTITION BY kind)",
    ],
    ["ROLLUP", "SELECT kind, count(*) AS n FROM $<tenant>_items GROUP BY ROLLUP (kind)"],
    [
      "GROUPING SETS",
      "SELECT kind, id % 2 AS odd, count(*) AS n, grouping(kind) AS g FROM $<tenant>_items GROUP BY GROUPING SETS ((kind, id % 2), (kind), ())",
    ],
    ["FETCH FIRST WITH TIES", "SELECT body FROM $<tenant>_notes ORDER BY item FETCH FIRST 1 ROW WITH TIES"],
    ["LIMIT of expressions", "SELECT id FROM $<tenant>_items ORDER BY id LIMIT 1 + 1 OFFSET 2 - 1"],
    ["LIMIT of a sub-select", "SELECT id FROM $<tenant>_items ORDER BY id LIMIT (SELECT count(*) FROM $<tenant>_one)"],
    [
      "an ordered-set aggregate",
      "SELECT count(*) FILTER (WHERE id > 1) AS n, percentile_disc(0.5) WITHIN GROUP (ORDER BY id) AS p FROM $<tenant>_items",
    ],
    [
      "expression sub-selects only",
      "SELECT ARRAY(SELECT id FROM $<tenant>_items ORDER BY id) AS ids, EXISTS (SELECT FROM $<tenant>_notes) AS e, 1 = ANY (SELECT id FROM $<tenant>_items) AS a, (3, 'x') IN (SELECT id, kind FROM $<tenant>_items) AS r, 5 > ALL (SELECT id FROM $<tenant>_items) AS l",
    ],
    [
      "limits of sides",
      "(SELECT id FROM $<tenant>_items ORDER BY id LIMIT 1) UNION ALL (SELECT item FROM $<tenant>_notes ORDER BY 1 DESC LIMIT 1)",
    ],
    [
      "a limit of a UNION",
      "SELECT id FROM $<tenant>_items UNION SELECT item FROM $<tenant>_notes ORDER BY id DESC LIMIT 2",
    ],
    [
      "nested set operations",
      "SELECT id FROM $<tenant>_nodes EXCEPT (SELECT id FROM $<tenant>_items INTERSECT SELECT item FROM $<tenant>_notes)",
    ],
    [
      "recursion with SEARCH and CYCLE",
      "WITH RECURSIVE t AS (SELECT id, parent FROM $<tenant>_nodes WHERE parent IS NULL UNION ALL SELECT n.id, n.parent FROM $<tenant>_nodes n JOIN t ON n.parent = t.id) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c USING p SELECT i.kind, t.id, c FROM $<tenant>_items i JOIN t ON t.id = i.id",
    ],
    [
      "literals of all kinds",
      "SELECT E'a\\'b\\n' AS e, U&'\\0041' AS u, $$d'o$$ AS d, $x$ y $$ z $x$ AS x, n /* a /* nested $<tenant> */ b */ FROM $<tenant>_one -- $<tenant>",
    ],
    ["names that need quotes", 'SELECT n AS "Ünï ""q"" $x" FROM $<tenant>_one AS "Ä"'],
  ])("%s", async (_, sql) => {
    const own = await fleet.onEachTenant(`SELECT to_jsonb(q) AS row FROM (${ownSql(sql)}\n) q`);
    const expected = own.map(({ row, tenant }) => ({ ...Object(row), tenant }));
    expect(bag((await rowsOf(sql)).map(inNameOrder))).toEqual(bag(expected.map(inNameOrder)));
  });
});

describe("the tenant column", () => {
  test("keeps its value in subtotals, where the tenant's name is grouped by", async () => {
    const rows = await rowsOf(
      "SELECT tenant, kind, count(*) AS n, grouping(tenant) AS g FROM $<tenant>_items GROUP BY CUBE (tenant, kind)",
    );
    const own = await fleet.onEachTenant(
      "SELECT kind, count(*)::int AS n, grouping(x) AS g FROM (SELECT *, 'x'::text AS x FROM items) i GROUP BY CUBE (x, kind)",
    );
    expect(bag(rows.map(({ tenant, kind, n, g }) => ({ kind, n, g, tenant })))).toEqual(bag(own));
    const byPosition = await rowsOf(
      "SELECT '$<tenant>' AS tenant, kind, count(*) AS n FROM $<tenant>_items GROUP BY GROUPING SETS ((1, 2), (2), ())",
    );
    expect(byPosition).toHaveLength(13);
    expect(byPosition.filter(({ tenant }) => tenant === null)).toEqual([]);
  });

  test("is null for the rows of a side without tenants, also where VALUES come first", async () => {
    expect(await rowsOf("VALUES (1) UNION ALL SELECT n FROM $<tenant>_one ORDER BY tenant NULLS FIRST")).toEqual([
      { column1: 1, tenant: null },
      { column1: 7, tenant: "acme" },
      { column1: 7, tenant: "globex" },
      { column1: 7, tenant: "in-itech" },
    ]);
  });
});

describe("WITH RECURSIVE read by a SELECT that runs once", () => {
  const tree =
    "WITH RECURSIVE t AS (SELECT * FROM $<tenant>_nodes WHERE parent IS NULL UNION ALL SELECT n.* FROM $<tenant>_nodes n JOIN t ON n.parent = t.id)";

  test.each(["BREADTH", "DEPTH"])("SEARCH %s FIRST gives each row its place in the tenant's order", async (order) => {
    expect(
      await rowsOf(
        `${tree} SEARCH ${order} FIRST BY id SET place SELECT tenant, id, place FROM t WHERE id > 1 ORDER BY tenant, place DESC`,
      ),
    ).toEqual(
      ["acme", "globex", "in-itech"].flatMap((tenant) => [
        { tenant, id: 3, place: 3 },
        { tenant, id: 2, place: 2 },
      ]),
    );
  });

  test("CYCLE gives its mark, and the path as text", async () => {
    expect(
      await rowsOf(
        `${tree} CYCLE id SET looped USING path SELECT count(*) AS n, bool_or(looped) AS looped, max(length(path)) AS path FROM t`,
      ),
    ).toEqual([{ n: 9, looped: false, path: "{(1),(2),(3)}".length }]);
  });
});
