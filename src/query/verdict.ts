import { z } from "zod";

/** The part of `EXPLAIN (VERBOSE, FORMAT JSON)` that a verdict needs; other fields are ignored. */
interface PlanNode {
  readonly "Node Type": string;
  readonly Filter?: string | undefined;
  readonly Plans?: readonly PlanNode[] | undefined;
}

const planNode: z.ZodType<PlanNode> = z.lazy(() =>
  z.object({ "Node Type": z.string(), Filter: z.string().optional(), Plans: z.array(planNode).optional() }),
);

const explained = z.array(z.object({ Plan: planNode })).min(1);

/** Work that the federation database does itself when it stands above a foreign scan, by node type. */
const LOCAL_WORK: readonly (readonly [RegExp, string])[] = [
  [/Aggregate|^Group$/, "aggregate-local"],
  [/Join|Nested Loop/, "join-local"],
  [/^Unique$/, "distinct-local"],
  [/^WindowAgg$/, "window-local"],
  [/SetOp$/, "set-operation-local"],
  // A LIMIT that the tenant applies leaves no Limit node here; this one reads until it has enough, or sorts everything first.
  [/^Limit$/, "limit-local"],
];

/**
 * What one arm makes the federation database do: `pushed` when the tenant does the work and sends the result, otherwise what is done over
 * rows that the tenant had to send: `filter-local`, `aggregate-local`, `join-local`, `distinct-local`, `window-local`,
 * `set-operation-local`, `limit-local`, comma-separated.
 */
export function verdictOf(explanation: unknown): string {
  const reasons = new Set<string>();
  const [first] = explained.parse(explanation);
  if (first !== undefined) collect(first.Plan, reasons);
  return reasons.size === 0 ? "pushed" : [...reasons].join(", ");
}

/** Returns whether there is a foreign scan at or below the node. */
function collect(node: PlanNode, reasons: Set<string>): boolean {
  if (node["Node Type"] === "Foreign Scan" && node.Filter !== undefined) reasons.add("filter-local");
  const scans =
    (node.Plans ?? []).map((child) => collect(child, reasons)).some(Boolean) || node["Node Type"] === "Foreign Scan";
  for (const [pattern, reason] of LOCAL_WORK) if (scans && pattern.test(node["Node Type"])) reasons.add(reason);
  return scans;
}
