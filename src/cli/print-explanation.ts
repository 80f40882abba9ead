import type { ExplainedBlock, Explanation } from "../types.ts";
import { noticeLines } from "./print-answer.ts";

const SHOWN_TENANTS = 5;

/** How a template would run, for people. */
export function explanationLines(explanation: Explanation): string[] {
  const { expandedSql, blocks, outerSql, moved, expected, leftOut, notices } = explanation;
  const missing = leftOut.map(({ tenant, reason, detail }) => `  ${tenant}: ${reason}: ${detail}`);
  return [
    "Template, macros expanded:",
    ...indent(expandedSql),
    "",
    `Tenants: ${expected}${leftOut.length === 0 ? "" : `, ${leftOut.length} left out:`}`,
    ...missing,
    ...blocks.flatMap((block, index) => ["", ...blockLines(block, index + 1, blocks.length)]),
    ...(moved.length === 0
      ? []
      : ["", "Done by each tenant for the statement below:", ...moved.flatMap((text) => indent(text))]),
    ...(outerSql === null ? [] : ["", "Once, over the rows of all tenants:", ...indent(outerSql)]),
    ...(notices.length === 0 ? [] : ["", ...noticeLines(notices)]),
  ];
}

function blockLines({ columns, lanes, verdicts }: ExplainedBlock, number: number, count: number): string[] {
  const which = count === 1 ? "" : ` (block ${number} of ${count})`;
  const output = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
  return [
    `For each tenant${which}: ${output}`,
    ...verdicts.flatMap(({ tenants, verdict }) => [
      `  ${verdict}: ${some(tenants)}`,
      ...indent(copyOfFirst(tenants, lanes), "    "),
    ]),
    `  in ${lanes.length} ${lanes.length === 1 ? "lane" : "lanes"} of ${lanes.map((lane) => lane.tenants.length).join(", ")} tenants`,
  ];
}

/** The copies of tenants of one shape differ in names only: one of them says it all. */
function copyOfFirst(tenants: readonly string[], lanes: ExplainedBlock["lanes"]): string {
  for (const lane of lanes) {
    const index = lane.tenants.findIndex((tenant) => tenants.includes(tenant));
    if (index < 0) continue;
    if (lane.tenants.length === 1) return lane.sql;
    const copies = lane.sql.slice(1, -2).split("\n)\nUNION ALL\n(");
    // A copy may hold the same words; then the whole lane is shown, as with --json.
    return copies.length === lane.tenants.length ? (copies[index] ?? lane.sql) : lane.sql;
  }
  return "(none runs)";
}

function some(tenants: readonly string[]): string {
  const rest = tenants.length - SHOWN_TENANTS;
  const shown = tenants.slice(0, SHOWN_TENANTS).join(", ");
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

function indent(text: string, by = "  "): string[] {
  return text.split("\n").map((line) => (line === "" ? "" : by + line));
}
