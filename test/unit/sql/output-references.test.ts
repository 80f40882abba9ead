import { afterAll, expect, test } from "vitest";
import { type Node, outputName, type ResTarget, type SelectStmt } from "../../../src/sql/ast.ts";
import { groupedOutput, sortedOutputs } from "../../../src/sql/output-references.ts";
import { createParser } from "../../../src/sql/parser.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const OUTPUTS = "kind, s.n, lower(kind), n + 1 AS next, state AS kind";

async function parsed(clauses: string): Promise<SelectStmt> {
  const statement = (await parser.parse(`SELECT ${OUTPUTS} FROM s ${clauses}`)).stmts?.[0]?.stmt;
  if (statement === undefined || !("SelectStmt" in statement)) throw new Error("no SELECT");
  return statement.SelectStmt;
}

/** Places of outputs, from 1, with their names. */
function named({ targetList = [] }: SelectStmt, outputs: readonly ResTarget[]): readonly string[] {
  const all: readonly (ResTarget | null)[] = targetList.map((node) => ("ResTarget" in node ? node.ResTarget : null));
  return outputs.map((output) => `${all.indexOf(output) + 1} ${outputName(output)}`);
}

function only(items: readonly Node[] | undefined): Node {
  const [item] = items ?? [];
  if (item === undefined) throw new Error("no item");
  return "SortBy" in item && item.SortBy.node !== undefined ? item.SortBy.node : item;
}

test.each([
  ["2", ["2 n"]],
  ["9", []],
  ["0", []],
  ["n", ["2 n"]],
  ["lower DESC", ["3 lower"]],
  ["next", ["4 next"]],
  // PostgreSQL refuses it: the two are not the same.
  ["kind", ["1 kind", "5 kind"]],
  ["s.kind", null],
  ["n + 0", null],
  ["state", null],
])("ORDER BY %s means the outputs %j", async (item, outputs) => {
  const select = await parsed(`ORDER BY ${item}`);
  const found = sortedOutputs(only(select.sortClause), select.targetList ?? []);
  expect(found === null ? null : named(select, found)).toEqual(outputs);
});

test.each([
  ["2", ["2 n"]],
  ["9", []],
  ["next", ["4 next"]],
  ["kind", ["5 kind"]],
  ["lower", []],
  ["s.next", []],
  ["n + 1", []],
])("GROUP BY %s, which is no column of FROM, means the outputs %j", async (item, outputs) => {
  const select = await parsed(`GROUP BY ${item}`);
  const found = groupedOutput(only(select.groupClause), select.targetList ?? []);
  expect(named(select, found === undefined ? [] : [found])).toEqual(outputs);
});
