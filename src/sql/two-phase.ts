import { isAggregate, isRowByRow } from "./aggregates.ts";
import {
  binaryNode,
  columnNode,
  copyTree,
  type FuncCall,
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
import { groupKeys } from "./group-keys.ts";
import { asInArm, isMovable, type Source, sourceColumn } from "./movable.ts";
import { sortedOutputs } from "./output-references.ts";
import { partsOf, wholeOf } from "./whole-aggregates.ts";

/** Each is written in the arms and around them, and compared with all others: a text near the limit of tokens would pass it. */
const MAX_COLUMNS = 100;

/** A SELECT taken into two: what each tenant computes of its own rows, and how the whole is made of that. */
export interface TwoPhases {
  /** Runs for each tenant: the groups as `g0, g1, …`, the parts of aggregates as `p0, p1, …`. */
  readonly arm: SelectStmt;
  /** The SELECT over the arms' rows, given the types of the arm's columns; null where a type has no such way. */
  readonly finish: (types: ReadonlyMap<string, string>) => Pick<SelectStmt, FinishedClause> | null;
}

type FinishedClause = "targetList" | "groupClause" | "havingClause" | "sortClause" | "distinctClause" | "windowClause";

interface Groups {
  readonly source: Source;
  readonly keys: readonly Node[];
}

/** The aggregates of a SELECT, and the parts that each tenant computes for all of them, each once. */
interface Aggregates {
  readonly parts: readonly Node[];
  /** The places of an aggregate's parts. */
  readonly places: ReadonlyMap<FuncCall, readonly number[]>;
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
  const groups: Groups = { source, keys };
  const aggregates = aggregatesOf(select, groups);
  if (aggregates === null) return null;
  return {
    arm: armOf(select, item, groups, aggregates.parts),
    finish: (types) => {
      // A row cannot be read by the SELECT around the arms.
      if ([...types.values()].includes("record")) return null;
      const wholes = wholesOf(aggregates, types, source);
      return wholes === null ? null : finishClauses(select, groups, wholes);
    },
  };
}

function armOf(select: SelectStmt, item: Node, { source, keys }: Groups, parts: readonly Node[]): SelectStmt {
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

/** Null where a clause reads what the groups and the parts do not tell. */
function aggregatesOf(select: SelectStmt, groups: Groups): Aggregates | null {
  const parts: Node[] = [];
  const places = new Map<FuncCall, readonly number[]>();
  let told = true;
  const outputs = select.targetList?.map((node) => ("ResTarget" in node ? node.ResTarget.val : undefined));
  const [sorts, distinct] = [select.sortClause, select.distinctClause].map((items) =>
    items?.filter((item) => !meansOutput(item, select)),
  );
  walk([outputs, select.havingClause, distinct, select.windowClause, sorts], (node) => {
    if (!told || keyIndex(node, groups) >= 0) return false;
    if ("FuncCall" in node && isAggregate(node.FuncCall)) {
      const needed = partsOf(node.FuncCall, groups.source);
      if (needed !== null)
        places.set(
          node.FuncCall,
          needed.map((part) => placeOf(part, parts)),
        );
      told = needed !== null && parts.length <= MAX_COLUMNS;
      return false;
    }
    if ("ColumnRef" in node || "SubLink" in node || "SelectStmt" in node || "GroupingFunc" in node) told = false;
    if ("FuncCall" in node && node.FuncCall.over === undefined && !isRowByRow(node)) told = false;
    return told;
  });
  return told ? { parts, places } : null;
}

/** The place of a part among the others, behind which it is put if it is new. */
function placeOf(part: Node, parts: Node[]): number {
  const known = parts.findIndex((other) => equal(other, part));
  return known < 0 ? parts.push(part) - 1 : known;
}

/** What stands for each aggregate over the arms' rows; null where a part's type has no such way. */
function wholesOf(
  { places }: Aggregates,
  types: ReadonlyMap<string, string>,
  { alias }: Source,
): ReadonlyMap<FuncCall, Node> | null {
  const wholes = new Map<FuncCall, Node>();
  for (const [call, own] of places) {
    const names = own.map(partName);
    const whole = wholeOf(
      call,
      names.map((name) => ({ column: columnNode(alias, name), type: types.get(name) ?? "unknown" })),
    );
    if (whole === null) return null;
    wholes.set(call, whole);
  }
  return wholes;
}

function finishClauses(
  select: SelectStmt,
  groups: Groups,
  wholes: ReadonlyMap<FuncCall, Node>,
): Pick<SelectStmt, FinishedClause> {
  const finish = <T>(value: T): T =>
    copyTree(value, (node) => {
      const key = keyIndex(node, groups);
      if (key >= 0) return groupColumn(key, groups);
      return "FuncCall" in node ? wholes.get(node.FuncCall) : undefined;
    });
  const finished: Pick<SelectStmt, FinishedClause> = {
    targetList: (select.targetList ?? []).map((node) => {
      if (!("ResTarget" in node) || node.ResTarget.val === undefined) return node;
      return renamedTarget(node.ResTarget, finish(node.ResTarget.val));
    }),
  };
  if (select.groupClause !== undefined)
    finished.groupClause = groups.keys.map((_, index) => groupColumn(index, groups));
  if (select.havingClause !== undefined) finished.havingClause = finish(select.havingClause);
  const finishItem = (item: Node): Node => (meansOutput(item, select) ? item : finish(item));
  if (select.distinctClause !== undefined) finished.distinctClause = select.distinctClause.map(finishItem);
  if (select.windowClause !== undefined) finished.windowClause = finish(select.windowClause);
  if (select.sortClause !== undefined) finished.sortClause = select.sortClause.map(finishItem);
  return finished;
}

/** True for an item of ORDER BY or DISTINCT ON that is an output's name or position, and so means the same output as before. */
function meansOutput(node: Node, { targetList = [] }: SelectStmt): boolean {
  const item = "SortBy" in node ? node.SortBy.node : node;
  return item !== undefined && sortedOutputs(item, targetList) !== null;
}

/** Which of the groups a node is; -1 for none. */
function keyIndex(node: Node, { keys, source }: Groups): number {
  const column = sourceColumn(node, source);
  return keys.findIndex(
    (key) =>
      // A constant stays what it is: it may be a type's modifier or a window's bound, or take the type of what it stands beside.
      (equal(key, node) && readsColumn(node)) || (column !== null && sourceColumn(key, source) === column),
  );
}

function groupColumn(index: number, { keys, source }: Groups): Node {
  return columnNode(source.alias, isTenantKey(keys[index], source) ? source.tenantColumn : groupName(index));
}
