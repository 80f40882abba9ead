import type { PlanNode } from "./plan-node.ts";

/** Work that is done over rows which a tenant had to send for it. */
export const DRAGGING_CODES = [
  "filter-local",
  "aggregate-local",
  "join-local",
  "distinct-local",
  "window-local",
  "set-operation-local",
  "limit-local",
] as const;
export type DraggingCode = (typeof DRAGGING_CODES)[number];

export interface DraggingReason {
  readonly code: DraggingCode;
  /** What postgres_fdw does not send, as PostgreSQL prints it: `now()`, `date_trunc`, `->>`; null where the plan does not tell. */
  readonly culprit: string | null;
}

/** What one arm makes the federation database do. Without reasons the tenant does the work: the arm is pushed. */
export interface PlanVerdict {
  readonly reasons: readonly DraggingReason[];
  /** True when the arm is read at the same time as the others of its lane. */
  readonly asynchronous: boolean;
}

const LOCAL_WORK: readonly (readonly [RegExp, DraggingCode])[] = [
  [/Aggregate|^Group$/, "aggregate-local"],
  [/Join|Nested Loop/, "join-local"],
  [/^Unique$/, "distinct-local"],
  [/^WindowAgg$/, "window-local"],
  [/SetOp$/, "set-operation-local"],
  // A LIMIT that the tenant applies leaves no node here; this one reads until it has enough, or sorts everything first.
  [/^Limit$/, "limit-local"],
];

/** Judges the plan of one arm. */
export function verdictOf(plan: PlanNode): PlanVerdict {
  const reasons = new Map<string, DraggingReason>();
  collect(plan, reasons);
  return { reasons: [...reasons.values()], asynchronous: plan["Async Capable"] === true || isForeignScan(plan) };
}

/** `pushed`, or the reasons, comma-separated: `filter-local: now(), aggregate-local`. */
export function verdictText({ reasons }: PlanVerdict): string {
  if (reasons.length === 0) return "pushed";
  return reasons.map(({ code, culprit }) => (culprit === null ? code : `${code}: ${culprit}`)).join(", ");
}

function isForeignScan(node: PlanNode): boolean {
  return node["Node Type"] === "Foreign Scan";
}

/** Returns whether rows of a tenant's tables, not results of its aggregates, come up from the node. */
function collect(node: PlanNode, reasons: Map<string, DraggingReason>): boolean {
  const children = (node.Plans ?? []).map((child) => {
    const rows = collect(child, reasons);
    // The value of a sub-select is one value, whatever it was made of.
    return rows && !/InitPlan|SubPlan/.test(child["Parent Relationship"] ?? "");
  });
  if (isForeignScan(node)) {
    const sendsResults = node.Relations?.startsWith("Aggregate on") === true;
    if (!sendsResults && node.Filter !== undefined) note(reasons, "filter-local", [node.Filter]);
    return !sendsResults;
  }
  const rows = children.some(Boolean);
  for (const [pattern, code] of LOCAL_WORK)
    if (rows && pattern.test(node["Node Type"])) note(reasons, code, textsOf(node));
  // An aggregate sends its groups on, and they were made here.
  return rows && !/Aggregate|^Group$/.test(node["Node Type"]);
}

function note(reasons: Map<string, DraggingReason>, code: DraggingCode, texts: readonly string[]): void {
  const culprit = texts.map(culpritIn).find((found) => found !== null) ?? null;
  if (!reasons.has(code)) reasons.set(code, { code, culprit });
}

function textsOf(node: PlanNode): readonly string[] {
  const conditions = [node["Join Filter"], node["Hash Cond"], node["Merge Cond"], node.Filter].flatMap(
    (text) => text ?? [],
  );
  return [...(node["Group Key"] ?? []), ...conditions, ...(node.Output ?? [])];
}

/** Functions that postgres_fdw sends, as far as their arguments let it: they are never what kept an expression here. */
const SENT: ReadonlySet<string> = new Set(
  `abs avg btrim ceil char_length count date_bin every floor length lower ltrim max min mod power round rtrim sqrt stddev sum trunc upper
   variance bool_and bool_or array_agg string_agg percentile_cont percentile_disc any in and or not row array`.split(
    /\s+/,
  ),
);

/** The first thing in an expression that postgres_fdw does not send. */
function culpritIn(text: string): string | null {
  // Literals may hold anything.
  const bare = text.replaceAll(/'(?:[^']|'')*'/g, "''");
  if (/SubPlan \d+/.test(bare)) return "sub-select";
  const present = /\b(?:CURRENT_(?:DATE|TIMESTAMP|TIME)|LOCALTIME(?:STAMP)?)\b/.exec(bare);
  if (present !== null) return present[0].toLowerCase();
  if (/ AT TIME ZONE /.test(bare)) return "AT TIME ZONE";
  const operator = /->>|#>>/.exec(bare);
  if (operator !== null) return operator[0];
  for (const [, name = "", inside = ""] of bare.matchAll(/\b([A-Za-z_][A-Za-z0-9_]*)\((\)?)/g)) {
    if (!SENT.has(name.toLowerCase())) return inside === "" ? name.toLowerCase() : `${name.toLowerCase()}()`;
  }
  const cast = /\)::([a-z][a-z ]*[a-z])/.exec(bare);
  return cast === null ? null : `::${cast[1]}`;
}
