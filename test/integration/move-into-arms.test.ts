import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { ALL_REWRITES } from "../../src/sql/rewrites.ts";
import type { Explanation } from "../../src/types.ts";
import { bag, EVERYBODY, type FleetApp, openFleet, type Row, requestOf } from "../support/app.ts";

const TABLE = `CREATE TABLE sales (id int, kind text, amount numeric(12,2), pieces int, weight float8, at timestamptz, ok boolean, big bigint);
  CREATE TABLE parts (sale int, n int);`;
const DDL = {
  acme: `${TABLE} INSERT INTO sales SELECT g, 'k' || g % 3, g * 1.25, g, g / 4.0, timestamptz '2026-01-01Z' + g * interval '7 min', g % 2 = 0, g * 10000000000
    FROM generate_series(1, 40) g; INSERT INTO parts SELECT g, g % 4 FROM generate_series(1, 40) g;`,
  beta: `${TABLE} INSERT INTO sales VALUES (1, 'k1', 10.5, 7, 1.5, '2026-01-01 00:20Z', NULL, 5), (2, NULL, NULL, NULL, 'NaN', NULL, true, NULL), (3, 'Ä', -1, 0, 0, 'infinity', false, 0);`,
  empty: TABLE,
} as const;

let fleet: FleetApp & { readonly close: () => Promise<void> };
let gathering: App;

beforeAll(async () => {
  fleet = await openFleet(Object.keys(DDL), {
    ddl: DDL,
    federationDdl: `CREATE AGGREGATE tally("any") (SFUNC = int8inc_any, STYPE = int8, INITCOND = '0')`,
    config: { guard: { allowFunctions: ["tally"] } },
  });
  const rewrites = new Set([...ALL_REWRITES].filter((rewrite) => rewrite !== "move-into-arms"));
  gathering = await createApp({ config: fleet.config, logLevel: "silent", rewrites });
  await gathering.refreshCatalog();
});
afterAll(async () => {
  await gathering?.close();
  await fleet?.close();
});

async function rowsWithout(sql: string): Promise<readonly Row[]> {
  const answer = await gathering.service.run(requestOf(sql), EVERYBODY, new AbortController().signal);
  return JSON.parse(answer.body.toString());
}

/** What `acme` is asked for the only block, on one line. */
function armOf({ blocks }: Explanation): string {
  const lane = blocks[0]?.lanes.find(({ tenants }) => tenants.includes("acme"));
  const arms = (lane?.sql ?? "").split(/^UNION ALL$/m);
  return (arms[lane?.tenants.indexOf("acme") ?? -1] ?? "")
    .replace(/^\s*\(|\)\s*$/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

const SALES = "(SELECT * FROM $<tenant>_sales)";

describe("what is moved gives the rows that gathering gives", () => {
  it.each([
    [
      "a sum over raw rows",
      `SELECT sum(amount), count(*), min(pieces), max(at), avg(pieces), avg(amount), avg(big), bool_or(ok), bool_and(ok) FROM ${SALES} t`,
    ],
    [
      "DISTINCT ON an output that is named like a group",
      `SELECT DISTINCT ON (kind) count(*) AS kind FROM ${SALES} t GROUP BY kind`,
    ],
    [
      "DISTINCT ON the position of an output, in order",
      `SELECT DISTINCT ON (1) count(*) AS kind, kind IS NULL AS nobody FROM ${SALES} t GROUP BY t.kind ORDER BY 1, 2`,
    ],
    [
      "groups",
      `SELECT kind, sum(pieces) AS pieces, count(amount) FROM ${SALES} t WHERE pieces > 3 GROUP BY kind ORDER BY kind NULLS FIRST`,
    ],
    [
      "a constant that is grouped by, beside one without a type",
      `SELECT '5' AS five, sum(pieces) + '5' AS more FROM ${SALES} t GROUP BY 1 HAVING max(pieces) > '5'`,
    ],
    ["groups without a name", `SELECT pieces % 2, -pieces, tenant || 'x', count(*) FROM ${SALES} t GROUP BY 1, 2, 3`],
    [
      "more aggregates than are worth two phases",
      `SELECT ${Array.from({ length: 250 }, (_, index) => `sum(pieces+${index}) AS s${index}`).join()} FROM ${SALES} t`,
    ],
    [
      "more groups than are worth two phases",
      `SELECT DISTINCT ${Array.from({ length: 150 }, (_, index) => `pieces+${index} AS g${index}`).join()} FROM ${SALES} t`,
    ],
    ["groups that are rows", `SELECT (kind, pieces), count(*) FROM ${SALES} t GROUP BY 1`],
    ["different rows", `SELECT DISTINCT (kind, pieces) FROM ${SALES} t`],
    [
      "tenants in an array of arrays",
      `SELECT tenant, count(*) FROM ${SALES} t WHERE tenant = ANY (ARRAY['{acme,beta}'::text[]]) GROUP BY tenant`,
    ],
    ["groups by the tenant", `SELECT tenant, sum(amount) FROM ${SALES} t GROUP BY tenant`],
    [
      "groups by the tenant and a column",
      `SELECT t.tenant, kind, count(*) FROM ${SALES} t GROUP BY t.tenant, 2 HAVING count(*) > 1`,
    ],
    ["FILTER", `SELECT count(*) FILTER (WHERE pieces > 5), sum(pieces) FILTER (WHERE kind = 'k1') FROM ${SALES} t`],
    [
      "expressions over aggregates",
      `SELECT sum(amount) / count(*) AS mean, coalesce(sum(big), 0)::text FROM ${SALES} t HAVING sum(pieces) > 0`,
    ],
    [
      "windows over aggregates",
      `SELECT kind, rank() OVER (ORDER BY sum(pieces) DESC NULLS LAST) AS r FROM ${SALES} t GROUP BY kind`,
    ],
    ["no row at all", `SELECT sum(amount), count(*), avg(pieces) FROM ${SALES} t WHERE pieces > 1000`],
    ["no group at all", `SELECT tenant, count(*) FROM ${SALES} t WHERE pieces > 1000 GROUP BY tenant`],
    ["DISTINCT", `SELECT DISTINCT kind FROM ${SALES} t`],
    ["DISTINCT with the tenant", `SELECT DISTINCT tenant, ok FROM ${SALES} t ORDER BY 1, 2`],
    [
      "the first rows",
      `SELECT id, amount, tenant FROM ${SALES} t ORDER BY amount DESC NULLS LAST, tenant, id LIMIT 4 OFFSET 2`,
    ],
    [
      "the first rows of a condition",
      `SELECT t.id AS number, tenant FROM ${SALES} t WHERE pieces BETWEEN 2 AND 30 ORDER BY number DESC, tenant LIMIT 3`,
    ],
    [
      "the first groups",
      `SELECT tenant, kind, n FROM (SELECT kind, count(*) AS n FROM $<tenant>_sales GROUP BY kind) t ORDER BY n DESC, tenant LIMIT 2`,
    ],
    ["an order by text, which stays", `SELECT id, kind, tenant FROM ${SALES} t ORDER BY kind, id, tenant LIMIT 5`],
    [
      "a join on the tenant",
      `SELECT a.id, b.n FROM ${SALES} a JOIN (SELECT sale, n FROM $<tenant>_parts) b USING (tenant) WHERE a.pieces < 4 AND b.n = 2 AND b.sale = a.id`,
    ],
    [
      "an outer join",
      `SELECT a.id, b.n FROM (SELECT id, pieces FROM $<tenant>_sales) a LEFT JOIN (SELECT sale, n FROM $<tenant>_parts) b ON b.tenant = a.tenant AND b.sale = a.id WHERE b.n IS NULL AND a.pieces < 9`,
    ],
    [
      "a WITH query",
      `WITH w AS (SELECT id, amount, kind FROM $<tenant>_sales WHERE pieces > 2) SELECT kind, max(amount) FROM w GROUP BY kind`,
    ],
    [
      "a WITH query that two read",
      `WITH w AS (SELECT id, pieces FROM $<tenant>_sales) SELECT count(*) FROM w WHERE pieces > (SELECT avg(pieces) FROM w)`,
    ],
    [
      "a sub-select of an expression",
      `SELECT id, tenant FROM ${SALES} t WHERE amount > (SELECT avg(amount) FROM ${SALES} u WHERE u.kind = 'k1')`,
    ],
    [
      "a correlated sub-select",
      `SELECT id, tenant FROM ${SALES} t WHERE pieces = (SELECT max(pieces) FROM ${SALES} u WHERE u.tenant = t.tenant)`,
    ],
    ["a time group", `SELECT $__timeGroup(at, '1h') AS time, sum(pieces) FROM ${SALES} t GROUP BY 1 ORDER BY 1`],
    ["the tenant as a condition", `SELECT tenant, count(*) FROM ${SALES} t WHERE tenant = 'acme' GROUP BY tenant`],
    [
      "the tenant in a list",
      `SELECT id, tenant FROM ${SALES} t WHERE tenant IN ('beta', 'nobody') AND pieces IS NOT NULL`,
    ],
    [
      "the tenant by a pattern",
      `SELECT tenant, n FROM (SELECT count(*) AS n FROM $<tenant>_sales) t WHERE tenant ~ '^(a|e)'`,
    ],
    [
      "a column called as a group",
      `SELECT kind AS g, sum(n) FROM (SELECT kind, pieces AS n FROM $<tenant>_sales) t GROUP BY g`,
    ],
    [
      "the tenant's name as the block's own column",
      `SELECT tenant, sum(pieces) FROM (SELECT tenant, pieces FROM $<tenant>_sales ORDER BY 2) t WHERE tenant <> 'beta' GROUP BY 1`,
    ],
    [
      "the same with a star",
      `SELECT * FROM (SELECT $<tenant> AS tenant, id, pieces FROM $<tenant>_sales) t WHERE pieces < 3 ORDER BY id, tenant LIMIT 3`,
    ],
    [
      "a condition on a group",
      `SELECT tenant, kind, n FROM (SELECT kind, count(*) AS n FROM $<tenant>_sales GROUP BY kind) t WHERE kind = 'k1' ORDER BY n DESC, tenant LIMIT 2`,
    ],
    [
      "a condition on groups and one on their sizes",
      `SELECT kind, n FROM (SELECT kind, count(*) AS n FROM $<tenant>_sales GROUP BY 1) t WHERE kind IN ('k1', 'k2') AND n > 1`,
    ],
    [
      "a condition on a grouping set",
      `SELECT kind, ok, n FROM (SELECT kind, ok, count(*) AS n FROM $<tenant>_sales GROUP BY GROUPING SETS ((kind), (ok))) t WHERE kind IS NULL`,
    ],
    ["an aggregate that a sub-select hides", `SELECT (SELECT sum(t.pieces)) AS n FROM ${SALES} t LIMIT 2`],
    [
      "a set-returning output",
      `SELECT generate_series(1, 2) AS g, tenant FROM ${SALES} t WHERE id = 1 ORDER BY tenant, g LIMIT 3`,
    ],
    ["LATERAL", `SELECT t.id, x.twice FROM ${SALES} t, LATERAL (SELECT t.pieces * 2 AS twice) x WHERE t.pieces < 3`],
    [
      "a side of a UNION",
      `SELECT 'all' AS kind, sum(pieces) AS n FROM ${SALES} t UNION ALL SELECT kind, count(*) FROM $<tenant>_sales GROUP BY kind`,
    ],
    ["grouping sets outside", `SELECT kind, ok, count(*) FROM ${SALES} t GROUP BY GROUPING SETS ((kind), (ok), ())`],
    [
      "ordered and distinct aggregates",
      `SELECT count(DISTINCT kind), string_agg(kind, ',' ORDER BY id, tenant), array_agg(pieces ORDER BY tenant, id) FROM ${SALES} t WHERE pieces < 5`,
    ],
    ["an extreme of texts", `SELECT min(kind), max(kind), count(kind) FROM ${SALES} t`],
    ["a comparison of texts", `SELECT count(*) FROM ${SALES} t WHERE kind > 'k0' AND kind LIKE 'k%'`],
    ["the present", `SELECT count(*) FROM ${SALES} t WHERE at < now() + interval '1 year' AND random() < 2`],
    [
      "a join inside",
      `SELECT sum(n), count(DISTINCT id) FROM (SELECT s.id, p.n FROM $<tenant>_sales s JOIN $<tenant>_parts p ON p.sale = s.id) t`,
    ],
    [
      "an aggregate for a hypothetical row",
      `SELECT rank(20) WITHIN GROUP (ORDER BY pieces), cume_dist(20) WITHIN GROUP (ORDER BY pieces) FROM ${SALES} t LIMIT 1`,
    ],
    [
      "one beside others",
      `SELECT kind, count(*), rank('z') WITHIN GROUP (ORDER BY kind) FROM ${SALES} t GROUP BY kind`,
    ],
    ["an operator's aggregate", `SELECT kind, tally(kind), tally(1) FROM ${SALES} t GROUP BY kind`],
    ["outputs without a name", `SELECT pieces / 10, count(*), -1 FROM ${SALES} t GROUP BY 1`],
    ["DISTINCT outputs without a name", `SELECT DISTINCT pieces / 10 FROM ${SALES} t`],
    [
      "constants that are grouped by and stand elsewhere",
      `SELECT '2026-01-01' AS since, 2 AS two, sum(amount)::numeric(12, 2) AS amount, max(at) > '2026-01-01' AS later FROM ${SALES} t GROUP BY 1, 2`,
    ],
    [
      "a condition of constants on a block with a grand total",
      `SELECT kind, n FROM (SELECT kind, count(*) AS n FROM $<tenant>_sales GROUP BY ROLLUP (kind)) t WHERE 'a' = 'b'`,
    ],
    [
      "the tenant of a UNION whose other side gives another text",
      "SELECT count(*) FROM (SELECT tenant, id FROM $<tenant>_sales UNION ALL SELECT 'x', id FROM $<tenant>_sales) t WHERE tenant = 'x'",
    ],
    [
      "the same, written as a value",
      "SELECT count(*) FROM (SELECT $<tenant>, id FROM $<tenant>_sales UNION ALL SELECT 'x', id FROM $<tenant>_sales) t WHERE tenant ~ 'x'",
    ],
    [
      "the tenant of a WITH query that gives it",
      "WITH w AS (SELECT tenant, id FROM $<tenant>_sales) SELECT * FROM w WHERE tenant = 'beta'",
    ],
    [
      "the tenant of one with groups",
      "WITH w AS (SELECT tenant, kind, count(*) FROM $<tenant>_sales GROUP BY 1, 2) SELECT * FROM w WHERE tenant ~ 'a$'",
    ],
    [
      "the first rows by a place behind the star of a row",
      `SELECT (t).*, id FROM (SELECT pieces, amount, id FROM $<tenant>_sales) t WHERE tenant = 'beta' ORDER BY 2 DESC NULLS LAST LIMIT 1`,
    ],
    [
      "the tenant in an array that is a text",
      `SELECT count(*) FROM ${SALES} t WHERE tenant = ANY (ARRAY['{acme,beta}'::text[]])`,
    ],
    ["bits", `SELECT bit_and(pieces), bit_or(pieces), every(ok) FROM ${SALES} t WHERE pieces > 0`],
  ])("%s", async (_, sql) => {
    const moved = await fleet.ask(sql);
    expect(bag(moved.rows)).toEqual(bag(await rowsWithout(sql)));
  });
});

describe("what each tenant is asked", () => {
  it.each([
    [
      `SELECT sum(amount) FROM ${SALES} t`,
      /^SELECT sum\(amount\) AS p0, 'acme'::text AS tenant FROM \( SELECT \* FROM .*\) AS t$/,
    ],
    [`SELECT tenant, count(*) FROM ${SALES} t GROUP BY tenant`, /count\(\*\) AS p0.* HAVING count\(\*\) > 0$/],
    [`SELECT id FROM ${SALES} t ORDER BY amount LIMIT 5 OFFSET 5`, /ORDER BY amount LIMIT 10$/],
    [
      `SELECT kind, n FROM (SELECT kind, count(*) AS n FROM $<tenant>_sales GROUP BY kind) t ORDER BY n DESC LIMIT 2`,
      /GROUP BY kind ORDER BY 2 DESC LIMIT 2$/,
    ],
    [
      `SELECT tenant, sum(pieces) FROM (SELECT tenant, pieces FROM $<tenant>_sales) t GROUP BY tenant`,
      /^SELECT sum\(pieces\) AS p0, 'acme'::text AS tenant FROM \( SELECT pieces FROM/,
    ],
    [
      `SELECT n FROM (SELECT kind, count(*) AS n FROM $<tenant>_sales GROUP BY kind) t WHERE kind = 'k1'`,
      /WHERE kind = 'k1' GROUP BY kind$/,
    ],
    [`SELECT sum(pieces) FROM ${SALES} t WHERE tenant ~ '^[ab]' AND tenant > 'a'`, /sum\(pieces\) AS p0/],
    [
      `SELECT id, rank() OVER (ORDER BY id) FROM ${SALES} t WHERE pieces > 5`,
      /^SELECT t\.id AS id, 'acme'::text AS tenant FROM .* WHERE pieces > 5$/,
    ],
    [
      `SELECT id, rank() OVER (ORDER BY id) FROM (SELECT tenant, id, amount, pieces FROM $<tenant>_sales) t WHERE pieces > 5`,
      /^SELECT t\.id AS id, 'acme'::text AS tenant FROM .* WHERE pieces > 5$/,
    ],
    [
      `SELECT $__timeGroup(at, '1h') AS time, sum(pieces) FROM ${SALES} t GROUP BY 1`,
      /date_bin\('3600 s', at, 'epoch'\) AS g0/,
    ],
  ])("%s", async (sql, expected) => {
    expect(armOf(await fleet.explain(sql))).toMatch(expected);
  });

  it("is pushed to the tenant, whatever the form", async () => {
    for (const sql of [
      `SELECT sum(amount), avg(pieces) FROM ${SALES} t WHERE pieces > 3`,
      `SELECT DISTINCT kind FROM ${SALES} t`,
      `SELECT max(at) FROM ${SALES} t`,
      `SELECT tenant, kind, count(*) FROM ${SALES} t GROUP BY tenant, kind`,
    ]) {
      const { blocks } = await fleet.explain(sql);
      expect([sql, blocks[0]?.verdicts.map(({ verdict }) => verdict)]).toEqual([sql, ["pushed"]]);
    }
  });

  it("is nothing where WHERE drops the tenant: a tenant that is not asked cannot be missing", async () => {
    const { answer } = await fleet.ask(`SELECT count(*) FROM ${SALES} t WHERE tenant = 'acme'`);
    expect(answer.coverage).toMatchObject({ expected: 1, answered: 1 });
    expect((await fleet.explain(`SELECT count(*) FROM ${SALES} t WHERE tenant ~ '^[bx]'`)).moved).toContain(
      "tenants that WHERE drops are not asked",
    );
  });
});
