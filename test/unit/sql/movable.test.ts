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
  "n > 3",
  "kind = 'a'",
  "length(t.kind) = 5",
  "at < '2026-01-01'",
  "tenant > 'b'",
  "CASE kind WHEN 'a' THEN n END",
])("%s gives the same everywhere", async (expression) => {
  expect(await movable(expression)).toBe(true);
});

test.each([
  // Collations, encodings, the present, chance, other sources and other rows.
  "kind > 'a'",
  "greatest(kind, 'a')",
  "octet_length(kind) = 5",
  "at < '10:00 today'",
  "at < now()",
  "random() < n",
  "u.n > 3",
  "sum(n) > 3",
  "n > (SELECT 1)",
])("%s stays", async (expression) => {
  expect(await movable(expression)).toBe(false);
});
