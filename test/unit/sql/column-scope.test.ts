import { afterAll, expect, it } from "vitest";
import { createColumnLookups } from "../../../src/query/column-lookups.ts";
import { analyseBlocks } from "../../../src/sql/analyse-blocks.ts";
import { pathOf, type SelectStmt, walk } from "../../../src/sql/ast.ts";
import { columnFacts } from "../../../src/sql/column-scope.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { scanTemplate } from "../../../src/template/scan.ts";
import { sampleTenant } from "./sample-catalog.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const TENANTS = [
  sampleTenant(
    "one",
    {},
    { events: "id integer, at timestamp without time zone, extra text", others: "key integer, at date" },
  ),
  sampleTenant("two", {}, { events: "id bigint, at timestamp with time zone", others: "key integer, at date" }),
];
const CATALOG = { version: "1", loadedAtMs: 0, tenants: new Map(), localRelations: new Map() };

/** Facts of the first column reference of the outermost SELECT's output. */
async function factsOf(sql: string): Promise<string> {
  const parsed = await parser.parse(scanTemplate(sql).sql.text);
  const statement = parsed.stmts?.[0]?.stmt;
  if (statement === undefined || !("SelectStmt" in statement)) throw new Error("no SELECT");
  const root: SelectStmt = statement.SelectStmt;
  const { scopeOf } = analyseBlocks(root, { selectors: [{ items: [] }], positionOf: () => undefined });
  const columnsOf = createColumnLookups()(CATALOG, TENANTS);
  let path: readonly string[] = [];
  walk(root.targetList, (node) => {
    if ("ColumnRef" in node && path.length === 0) path = pathOf(node.ColumnRef.fields);
    return true;
  });
  const facts = columnFacts(path, [root], { scopeOf, columnsOf: (relation) => columnsOf(relation) ?? new Map() });
  return facts === null
    ? "unknown"
    : `${[...facts.types].sort().join(" | ")}${facts.everywhere ? "" : ", not everywhere"}`;
}

it.each([
  ["SELECT at FROM $<tenant>_events", "timestamp with time zone | timestamp without time zone"],
  ["SELECT e.id FROM $<tenant>_events e", "bigint | integer"],
  ["SELECT extra FROM $<tenant>_events", "text, not everywhere"],
  ["SELECT at FROM $<tenant>_events, $<tenant>_others", "unknown"],
  ["SELECT o.at FROM $<tenant>_events e JOIN $<tenant>_others o ON true", "date"],
  ["SELECT absent FROM $<tenant>_events", "unknown"],
  [
    "SELECT x.at FROM (SELECT at, id AS number FROM $<tenant>_events) x",
    "timestamp with time zone | timestamp without time zone",
  ],
  ["SELECT x.number FROM (SELECT at, id AS number FROM $<tenant>_events) x", "bigint | integer"],
  ["SELECT x.at FROM (SELECT id + 1 AS at FROM $<tenant>_events) x", "unknown"],
  ["SELECT x.at FROM (SELECT * FROM $<tenant>_others) x", "unknown"],
  ["SELECT x.id FROM $<tenant>_events x (at, id)", "unknown"],
  ["SELECT at FROM ($<tenant>_others o JOIN (SELECT 1 AS n) m ON true) AS j (at, key, n)", "unknown"],
  ["WITH w AS (SELECT at FROM $<tenant>_others) SELECT at FROM w", "date"],
])("%s", async (sql, expected) => {
  expect(await factsOf(sql)).toBe(expected);
});
