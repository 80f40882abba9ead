import { afterAll, expect, test } from "vitest";
import { isMovable, type Source } from "../../../src/sql/movable.ts";
import { createParser } from "../../../src/sql/parser.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const SOURCE: Source = {
  alias: "t",
  columns: new Map([
    ["kind", "text"],
    ["n", "integer"],
    ["at", "timestamp with time zone"],
  ]),
  tenantColumn: "tenant",
  alone: true,
};

async function movable(expression: string): Promise<boolean> {
  const statement = (await parser.parse(`SELECT ${expression}`)).stmts?.[0]?.stmt;
  const target =
    statement !== undefined && "SelectStmt" in statement ? statement.SelectStmt.targetList?.[0] : undefined;
  const value = target !== undefined && "ResTarget" in target ? target.ResTarget.val : undefined;
  if (value === undefined) throw new Error("no expression");
  return isMovable(value, SOURCE);
}

test.each([
  ["n > 3", true],
  ["kind = 'a'", true],
  ["length(t.kind) = 5", true],
  ["at < '2026-01-01'", true],
  ["tenant > 'b'", true],
  ["CASE kind WHEN 'a' THEN n END", true],
  // Collations, encodings, the present, chance, other sources and other rows.
  ["kind > 'a'", false],
  ["greatest(kind, 'a')", false],
  ["octet_length(kind) = 5", false],
  ["at < '10:00 today'", false],
  ["at < now()", false],
  ["random() < n", false],
  ["u.n > 3", false],
  ["sum(n) > 3", false],
  ["n > (SELECT 1)", false],
])("%s gives the same everywhere: %s", async (expression, same) => {
  expect(await movable(expression)).toBe(same);
});
