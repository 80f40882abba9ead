import { afterAll, describe, expect, it } from "vitest";
import type { SelectStmt } from "../../../src/sql/ast.ts";
import { deparseVerified, equal } from "../../../src/sql/deparse.ts";
import { createParser } from "../../../src/sql/parser.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

async function selectOf(sql: string): Promise<SelectStmt> {
  const statement = (await parser.parse(sql)).stmts?.[0]?.stmt;
  if (statement === undefined || !("SelectStmt" in statement)) throw new Error(`no SELECT: ${sql}`);
  return statement.SelectStmt;
}

describe("deparseVerified", () => {
  it.each([
    "SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES",
    "SELECT a FROM t ORDER BY a OFFSET 2 FETCH FIRST 3 ROWS WITH TIES",
    "SELECT a FROM t ORDER BY a LIMIT 3 OFFSET 2",
    "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b DESC NULLS LAST",
    `SELECT "A b".c, "select" FROM "A b"`,
    `SELECT 'it''s', E'a\\nb', '\\', $$x'y$$`,
    "SELECT a #>> '{b,c}', a->>'b', a @> '{}' FROM t",
    "SELECT - 1, - (- a), NOT (a AND b), a - (b - c), a ^ (b ^ c), (a::text) || b FROM t",
    "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, COALESCE(a, b), NULLIF(a, b), GREATEST(a, b)",
    "SELECT extract(epoch FROM a), position('x' IN a), substring(a FROM 1 FOR 2), trim(BOTH 'x' FROM a), a AT TIME ZONE 'UTC' FROM t",
    "SELECT count(*) FILTER (WHERE a > 1), percentile_cont(0.5) WITHIN GROUP (ORDER BY a), string_agg(DISTINCT a, ',' ORDER BY a) FROM t",
    "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM t",
    "SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b)",
    "SELECT a FROM t JOIN LATERAL (SELECT 1) s ON true LEFT JOIN u USING (a) NATURAL JOIN v CROSS JOIN w",
    "SELECT a FROM t UNION ALL (SELECT b FROM u EXCEPT SELECT c FROM v) ORDER BY 1 LIMIT 1",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
    "SELECT a IN (1, 2), a NOT IN (SELECT 1), a = ANY (ARRAY[1]), a > ALL (SELECT 1), EXISTS (SELECT 1) FROM t",
    "SELECT a BETWEEN 1 AND 2, a NOT BETWEEN SYMMETRIC 2 AND 1, a LIKE 'x' ESCAPE '!', a ILIKE 'x', a SIMILAR TO 'x', a IS DISTINCT FROM b FROM t",
    "SELECT interval '1 day 2 hours', timestamp(3) 'now', '1'::numeric(10, 2), a::int[], b::varchar(3)[][] FROM t",
    "SELECT (array_agg(a ORDER BY b))[1], (a)[1:2], a[1], ROW(1, 2), (1, 2), ARRAY[[1], [2]] FROM t",
    "SELECT a FROM t GROUP BY GROUPING SETS ((a), ROLLUP (b, c), ()) HAVING grouping(a) = 0",
    "SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(x, n), ROWS FROM (unnest(a), unnest(b)) AS z(p, q)",
    "SELECT make_interval(hours => 1), (VALUES (1)), current_date, localtime(2)",
    "VALUES (1, 'a'), (2, NULL) ORDER BY 1 LIMIT 1",
    "SELECT",
  ])("prints what it was given: %s", async (sql) => {
    const { sql: printed } = await deparseVerified(await selectOf(sql), parser);
    // What was proven once is stable: a second round gives the same text.
    expect((await deparseVerified(await selectOf(printed), parser)).sql).toBe(printed);
  });

  it("keeps WITH TIES, which the deparser alone would drop", async () => {
    const { sql } = await deparseVerified(
      await selectOf("SELECT a FROM t ORDER BY a OFFSET 2 FETCH FIRST 3 ROWS WITH TIES"),
      parser,
    );
    expect(sql).toBe("SELECT a FROM t ORDER BY a OFFSET 2 FETCH FIRST 3 ROWS WITH TIES");
  });

  it.each([
    "SELECT a FROM t GROUP BY DISTINCT ROLLUP (a), CUBE (a)",
    "SELECT a FROM (SELECT a FROM t GROUP BY DISTINCT ROLLUP (a), CUBE (a)) s",
    "SELECT a FROM (SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES) s",
    "SELECT (ARRAY[1, 2])[1]",
  ])("refuses what it cannot print: %s", async (sql) => {
    await expect(selectOf(sql).then((select) => deparseVerified(select, parser))).rejects.toMatchObject({
      code: "TEMPLATE_UNSUPPORTED",
      hint: expect.stringContaining("GROUP BY DISTINCT"),
    });
  });

  it("leads each place of its text back to the given one", async () => {
    const given =
      "SELECT   first_column,\n  lower( second_column )\nFROM t WHERE third_column = 'é' AND fourth_column > 1";
    const { sql, originOf } = await deparseVerified(await selectOf(given), parser);
    for (const word of ["first_column", "lower", "second_column", "third_column", "fourth_column"]) {
      const printedAt = Buffer.byteLength(sql.slice(0, sql.indexOf(word)));
      const givenAt = Buffer.byteLength(given.slice(0, given.indexOf(word)));
      expect(originOf(printedAt), word).toBe(givenAt);
    }
    expect(originOf(0)).toBeUndefined();
  });
});

describe("equal", () => {
  const tree = { A: { name: "a", list: [1, { B: { deep: true } }], location: 3 } };

  it("does not look at places, and gathers those that correspond", () => {
    const origins: [number, number][] = [];
    expect(equal(tree, { A: { ...tree.A, location: 9, stmt_len: 2 } }, origins)).toBe(true);
    expect(origins).toEqual([[9, 3]]);
  });

  it.each([
    ["a field more", { A: { ...tree.A, more: false } }],
    ["a field less", { A: { name: "a", location: 3 } }],
    ["another value deep inside", { A: { ...tree.A, list: [1, { B: { deep: false } }] } }],
    ["an item more", { A: { ...tree.A, list: [...tree.A.list, 2] } }],
    ["a list for a node", { A: [tree.A] }],
    ["null", { A: null }],
  ])("tells apart: %s", (_, other) => {
    expect(equal(tree, other)).toBe(false);
    expect(equal(other, tree)).toBe(false);
  });
});
