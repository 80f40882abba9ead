import { isAggregate, isRowByRow, isSetReturning } from "./aggregates.ts";
import {
  binaryNode,
  builtInName,
  callNode,
  castNode,
  columnNode,
  copyTree,
  type FuncCall,
  integerConstant,
  isStar,
  type Node,
  numberConstant,
  readsColumn,
  renamedTarget,
  type SelectStmt,
  selectNode,
  stringNode,
  targetNode,
  walk,
} from "./ast.ts";
import { equal } from "./deparse.ts";
import { asInArm, isMovable, isOrderedType, type Source, sourceColumn } from "./movable.ts";
import { groupedOutput, sortedOutputs } from "./output-references.ts";

/** Each is written in the arms and around them, and compared with all others: a text near the limit of tokens would pass it. */
const MAX_COLUMNS = 100;

/** A SELECT taken into two: what each tenant computes of its own rows, and how the whole is made of that. */
export interface TwoPhases {
  /** Runs for each tenant: the groups as `g0, g1, …`, the parts of aggregates as `p0, p1, …`. */
  readonly arm: SelectStmt;
  /** The SELECT over the arms' rows, given the types of the arm's columns; null where a type has no such way. */
  readonly finish: (types: ReadonlyMap<string, string>) => Pick<SelectStmt, FinishedClause> | null;
}

const FINISHED_CLAUSES = [
  "targetList",
  "groupClause",
  "havingClause",
  "sortClause",
  "distinctClause",
  "windowClause",
] as const;
type FinishedClause = (typeof FINISHED_CLAUSES)[number];

interface Phases {
  readonly source: Source;
  readonly keys: readonly Node[];
  readonly parts: Node[];
  /** Null while the parts are being found. */
  readonly types: ReadonlyMap<string, string> | null;
  failed: boolean;
}

/**
 * Two phases for a SELECT that groups, aggregates or is DISTINCT over the one source that it reads: count, sum, min, max, avg, bool_and,
 * bool_or, every, bit_and, bit_or and bit_xor, with FILTER. Sums of floats are added in another order, which PostgreSQL never fixed. Null
 * where the whole cannot be made of the parts.
 */
export function twoPhases(select: SelectStmt, item: Node, source: Source): TwoPhases | null {
  const keys = groupKeys(select, source);
  if (keys === null || keys.length > MAX_COLUMNS || !keys.every((key) => isMovable(key, source))) return null;
  if (select.whereClause !== undefined && !isMovable(select.whereClause, source)) return null;
  const finding: Phases = { source, keys, parts: [], types: null, failed: false };
  finishClauses(select, finding);
  if (finding.failed) return null;
  return {
    arm: armOf(select, item, finding),
    finish: (types) => {
      // A row cannot be read by the SELECT around the arms.
      if ([...types.values()].includes("record")) return null;
      const phases: Phases = { source, keys, parts: [...finding.parts], types, failed: false };
      const finished = finishClauses(select, phases);
      return phases.failed ? null : finished;
    },
  };
}

/** What the SELECT groups by, written out: the outputs themselves where it is DISTINCT. Null when it neither groups nor aggregates. */
function groupKeys(select: SelectStmt, source: Source): readonly Node[] | null {
  const targets = (select.targetList ?? []).map((node) => ("ResTarget" in node ? node.ResTarget : undefined));
  const values = targets.map((target) => target?.val);
  if (values.some((value) => value === undefined || callsSetReturning(value))) return null;
  if ((select.targetList ?? []).some(isStar)) return null;
  if (select.groupDistinct === true) return null;
  if (select.groupClause !== undefined) {
    const keys = select.groupClause.map((item) => keyOf(item, select, source));
    return keys.every((key) => key !== undefined) ? keys : null;
  }
  if (select.havingClause !== undefined || values.some((value) => value !== undefined && aggregates(value))) return [];
  const plainDistinct = select.distinctClause?.every((node) => Object.keys(node).length === 0) === true;
  return plainDistinct ? values.flatMap((value) => value ?? []) : null;
}

/** What an item of GROUP BY means, written out; undefined where that is no expression over the source. */
function keyOf(item: Node, { targetList = [] }: SelectStmt, source: Source): Node | undefined {
  if ("GroupingSet" in item) return undefined;
  const otherName = "ColumnRef" in item && sourceColumn(item, source) === null;
  return otherName || integerConstant(item) !== null ? groupedOutput(item, targetList)?.val : item;
}

function callsSetReturning(value: Node): boolean {
  return contains(value, (call) => isSetReturning(call));
}

function aggregates(value: Node): boolean {
  return contains(value, isAggregate);
}

function contains(value: Node, matches: (call: FuncCall) => boolean): boolean {
  let found = false;
  walk(value, (node) => {
    if ("FuncCall" in node && matches(node.FuncCall)) found = true;
    return !("SelectStmt" in node);
  });
  return found;
}

function armOf(select: SelectStmt, item: Node, { source, keys, parts }: Phases): SelectStmt {
  const own = keys
    .map((key, index) => ({ key: asInArm(key, source), index }))
    .filter(({ index }) => !isTenantKey(keys[index], source));
  const arm = selectNode(
    [
      ...own.map(({ key, index }) => targetNode(key, groupName(index))),
      ...parts.map((part, index) => targetNode(asInArm(part, source), partName(index))),
    ],
    [item],
  );
  if (select.whereClause !== undefined) arm.whereClause = asInArm(select.whereClause, source);
  if (own.length > 0) arm.groupClause = own.map((_, index) => numberConstant(index + 1));
  // A tenant without rows is no group of its own.
  else if (keys.length > 0) arm.havingClause = binaryNode(">", countAll(), numberConstant(0));
  return arm;
}

/** The tenant is one in each arm, so it needs no group there; the block's own tenant column names it. */
function isTenantKey(key: Node | undefined, source: Source): boolean {
  return key !== undefined && sourceColumn(key, source) === source.tenantColumn;
}

function groupName(index: number): string {
  return `g${index}`;
}

function partName(index: number): string {
  return `p${index}`;
}

function countAll(): Node {
  return { FuncCall: { funcname: [stringNode("count")], agg_star: true, funcformat: "COERCE_EXPLICIT_CALL" } };
}

function finishClauses(select: SelectStmt, phases: Phases): Pick<SelectStmt, FinishedClause> {
  const finish = <T>(value: T): T => copyTree(value, (node) => finishNode(node, phases));
  const finished: Pick<SelectStmt, FinishedClause> = {
    targetList: (select.targetList ?? []).map((node) => {
      if (!("ResTarget" in node) || node.ResTarget.val === undefined) return node;
      return renamedTarget(node.ResTarget, finish(node.ResTarget.val));
    }),
  };
  if (select.groupClause !== undefined)
    finished.groupClause = phases.keys.map((_, index) => groupColumn(index, phases));
  if (select.havingClause !== undefined) finished.havingClause = finish(select.havingClause);
  if (select.distinctClause !== undefined) finished.distinctClause = finish(select.distinctClause);
  if (select.windowClause !== undefined) finished.windowClause = finish(select.windowClause);
  if (select.sortClause !== undefined) {
    finished.sortClause = select.sortClause.map((sort) => {
      const item = "SortBy" in sort ? sort.SortBy.node : undefined;
      const outputs = item === undefined ? null : sortedOutputs(item, select.targetList ?? []);
      // An output's name, and a position, mean the same outputs as before.
      return outputs === null ? finish(sort) : sort;
    });
  }
  return finished;
}

/** What stands for a node over the arms' rows; undefined when its inside decides. */
function finishNode(node: Node, phases: Phases): Node | undefined {
  const column = sourceColumn(node, phases.source);
  const key = phases.keys.findIndex(
    (candidate) =>
      // A constant stays what it is: it may be a type's modifier or a window's bound, or take the type of what it stands beside.
      (equal(candidate, node) && readsColumn(node)) ||
      (column !== null && sourceColumn(candidate, phases.source) === column),
  );
  if (key >= 0) return groupColumn(key, phases);
  if ("FuncCall" in node && isAggregate(node.FuncCall)) return whole(node.FuncCall, phases);
  if ("ColumnRef" in node || "SubLink" in node || "SelectStmt" in node || "GroupingFunc" in node) phases.failed = true;
  if ("FuncCall" in node && node.FuncCall.over === undefined && !isRowByRow(node)) phases.failed = true;
  return undefined;
}

function groupColumn(index: number, { keys, source }: Phases): Node {
  return columnNode(source.alias, isTenantKey(keys[index], source) ? source.tenantColumn : groupName(index));
}

/** The aggregate over all tenants, made of each tenant's. */
function whole(call: FuncCall, phases: Phases): Node | undefined {
  const name = builtInName(call) ?? "";
  const args = call.args ?? [];
  const plain = call.agg_distinct !== true && call.agg_order === undefined && call.agg_within_group !== true;
  const inside = [...args, ...(call.agg_filter === undefined ? [] : [call.agg_filter])];
  if (!plain || args.length > 1 || !inside.every((node) => isMovable(node, phases.source))) return fail(phases);
  if (phases.parts.length > MAX_COLUMNS) return fail(phases);
  const part = (aggregate: string): { readonly column: Node; readonly type: string | undefined } => {
    const partial: Node = { FuncCall: { ...call, funcname: [stringNode(aggregate)] } };
    let index = phases.parts.findIndex((known) => equal(known, partial));
    if (index < 0) index = phases.parts.push(partial) - 1;
    return { column: columnNode(phases.source.alias, partName(index)), type: phases.types?.get(partName(index)) };
  };
  switch (name) {
    case "count":
      return castNode({ CoalesceExpr: { args: [callNode("sum", part("count").column), numberConstant(0)] } }, "int8");
    case "sum":
      return wholeSum(part("sum"), phases);
    case "avg":
      return wholeAverage(part("sum"), part("count").column, phases);
    case "min":
    case "max": {
      const { column, type } = part(name);
      return type !== undefined && !isOrderedType(type) ? fail(phases) : callNode(name, column);
    }
    case "bool_and":
    case "bool_or":
    case "every":
    case "bit_and":
    case "bit_or":
    case "bit_xor":
      return callNode(name, part(name).column);
    default:
      return fail(phases);
  }
}

function fail(phases: Phases): undefined {
  phases.failed = true;
  return undefined;
}

interface Part {
  readonly column: Node;
  /** Undefined while the parts are being found. */
  readonly type: string | undefined;
}

/** sum() of small integers is a bigint, whose sum would be a numeric. */
function wholeSum({ column, type }: Part, phases: Phases): Node | undefined {
  const sum = callNode("sum", column);
  if (type === "bigint") return castNode(sum, "int8");
  // A real keeps so few digits that the order of adding shows.
  return type !== "real" && (type === undefined || isOrderedType(type)) ? sum : fail(phases);
}

/** PostgreSQL divides the sum by the count as numerics, or as floats where the values are; over no rows the average is null. */
function wholeAverage({ column, type }: Part, count: Node, phases: Phases): Node | undefined {
  const zero: Node = {
    A_Expr: { kind: "AEXPR_NULLIF", name: [stringNode("=")], lexpr: callNode("sum", count), rexpr: numberConstant(0) },
  };
  const sum = callNode("sum", column);
  if (type === undefined || type === "bigint" || type === "numeric") return binaryNode("/", sum, zero);
  return type === "double precision" ? binaryNode("/", sum, castNode(zero, "float8")) : fail(phases);
}
