import { afterAll, expect, test } from "vitest";
import { outputName } from "../../../src/sql/ast.ts";
import { createParser } from "../../../src/sql/parser.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

// The integration test of folding compares the names of real columns; these are PostgreSQL's, too (FigureColname).
test.each([
  ["t.a", "a"],
  ["t.*", "*"],
  ["now()", "now"],
  ["pg_catalog.now()", "now"],
  ["current_date", "current_date"],
  ["current_timestamp(3)", "current_timestamp"],
  ["localtime", "localtime"],
  ["1 + 1", null],
  ["true", null],
  ["a AND b", null],
  ["a::text", "a"],
  ["1::numeric", "numeric"],
  ["(a + 1)::int::text", "text"],
  ["interval '1 day'", "interval"],
  ["(a).b", "b"],
  ["(a).*", "*"],
  ["a[1]", "a"],
  ['a COLLATE "C"', "a"],
  ["ARRAY[1]", "array"],
  ["ROW(1)", "row"],
  ["(1, 2)", "row"],
  ["coalesce(a, b)", "coalesce"],
  ["greatest(a, b)", "greatest"],
  ["least(a, b)", "least"],
  ["nullif(a, b)", "nullif"],
  ["grouping(a)", "grouping"],
  ["CASE WHEN a THEN b END", "case"],
  ["CASE WHEN a THEN b ELSE c END", "c"],
  ["(CASE WHEN a THEN b END)::int", "int4"],
  ["extract(epoch FROM a)", "extract"],
  ["EXISTS (SELECT 1)", "exists"],
  ["ARRAY(SELECT 1)", "array"],
  ["(SELECT max(a) FROM t)", "max"],
  ["(SELECT now())::date", "now"],
  ["(SELECT 1)::int", null],
  ["(VALUES (1))", "column1"],
  ["a IN (SELECT 1)", null],
])("%s", async (expression, name) => {
  const statement = (await parser.parse(`SELECT ${expression}`)).stmts?.[0]?.stmt;
  const target =
    statement !== undefined && "SelectStmt" in statement ? statement.SelectStmt.targetList?.[0] : undefined;
  expect(target !== undefined && "ResTarget" in target ? outputName(target.ResTarget) : "no target").toBe(name);
});
