import { isAggregate, isSetReturning } from "./aggregates.ts";
import {
  copyTree,
  integerConstant,
  isSetOperation,
  type Node,
  numberConstant,
  outputName,
  type SelectStmt,
  walk,
} from "./ast.ts";
import { allOf, conjunctsOf } from "./conjuncts.ts";
import { equal } from "./deparse.ts";
import { timeGroupOf } from "./expand-macros.ts";
import { hasGroupingSets } from "./grouping-tenant.ts";
import { isMovable, type Source, sourceColumn } from "./movable.ts";
import { limitClauses, topRows } from "./top-rows.ts";

/** A block whose rows are its tables' rows: what is put around it is as good as written in it. */
export function isPlain(block: SelectStmt): boolean {
  return (
    !isSetOperation(block) &&
    block.groupClause === undefined &&
    block.havingClause === undefined &&
    isSimple(block, false)
  );
}

/** A block of groups, to which nothing has been done since. */
export function isGrouped(block: SelectStmt): boolean {
  return (
    !isSetOperation(block) && block.groupClause !== undefined && block.sortClause === undefined && isSimple(block, true)
  );
}

function isSimple(block: SelectStmt, mayAggregate: boolean): boolean {
  const { valuesLists, distinctClause, limitCount, limitOffset, windowClause, targetList = [] } = block;
  if (valuesLists !== undefined || distinctClause !== undefined || limitCount !== undefined) return false;
  if (limitOffset !== undefined || windowClause !== undefined) return false;
  let simple = true;
  walk(targetList, (node) => {
    // What a time group becomes is decided for the block that it stands in.
    if (timeGroupOf(node) !== undefined) simple = false;
    if ("FuncCall" in node) {
      const call = node.FuncCall;
      if (call.over !== undefined || isSetReturning(call) || (isAggregate(call) && !mayAggregate)) simple = false;
    }
    return !("SelectStmt" in node);
  });
  return simple;
}

export interface GroupedArm {
  readonly arm: SelectStmt;
  /** Conditions that the arm applies, as the SELECT around it wrote them. */
  readonly conditions: readonly Node[];
  readonly notes: readonly string[];
}

/**
 * A grouped block cannot be wrapped without losing asynchronous scans, but it takes conditions on what it groups by among its own, and an
 * ORDER BY with LIMIT when there is no other condition. Null when there is neither.
 */
export function groupedArm(select: SelectStmt, block: SelectStmt, source: Source): GroupedArm | null {
  if (!isGrouped(block) || block.withClause !== undefined) return null;
  const keys = keyColumns(block, source);
  const all = conjunctsOf(select.whereClause);
  // The empty grouping set is a row of no rows, so that no condition on rows takes it away.
  const conditions = hasGroupingSets(block)
    ? []
    : all.filter((condition) => isMovable(condition, source) && readsOnly(condition, keys, source));
  const top = conditions.length === all.length ? topGroups(select, block, source) : null;
  if (top === null && conditions.length === 0) return null;
  const inside = conditions.map((condition) =>
    copyTree(condition, (node) => keys.get(sourceColumn(node, source) ?? "")),
  );
  const where = allOf([...(block.whereClause === undefined ? [] : [block.whereClause]), ...inside]);
  return {
    arm: { ...block, ...(where === undefined ? {} : { whereClause: where }), ...top?.clauses },
    conditions,
    notes: [
      ...(conditions.length > 0 ? [`conditions on the groups of ${source.alias}`] : []),
      ...(top === null ? [] : [`the first ${top.limit} groups of ${source.alias}`]),
    ],
  };
}

/** Outputs that are columns the block groups by, by their names: what holds for one row of such a group holds for all. */
function keyColumns(block: SelectStmt, source: Source): ReadonlyMap<string, Node> {
  const keys = new Map<string, Node>();
  for (const [index, target] of (block.targetList ?? []).entries()) {
    const name = "ResTarget" in target ? outputName(target.ResTarget) : null;
    const value = "ResTarget" in target ? target.ResTarget.val : undefined;
    if (name === null || value === undefined || !("ColumnRef" in value) || !source.columns.has(name)) continue;
    if (groupsBy(block, value, index)) keys.set(name, value);
  }
  return keys;
}

function groupsBy({ groupClause = [] }: SelectStmt, value: Node, index: number): boolean {
  return groupClause.some((item) => equal(item, value) || integerConstant(item) === index + 1);
}

function readsOnly(condition: Node, keys: ReadonlyMap<string, Node>, source: Source): boolean {
  let only = true;
  walk(condition, (node) => {
    if ("ColumnRef" in node && !keys.has(sourceColumn(node, source) ?? "")) only = false;
    return only;
  });
  return only;
}

function topGroups(
  select: SelectStmt,
  block: SelectStmt,
  source: Source,
): { readonly clauses: Partial<SelectStmt>; readonly limit: number } | null {
  const top = topRows(select, source);
  if (top === null) return null;
  const names = (block.targetList ?? []).map((target) => ("ResTarget" in target ? outputName(target.ResTarget) : null));
  if (names.includes("*")) return null;
  const sortClause: Node[] = [];
  for (const sort of top.sortClause) {
    const column = "SortBy" in sort && sort.SortBy.node !== undefined ? sourceColumn(sort.SortBy.node, source) : null;
    const index = names.indexOf(column);
    if (!("SortBy" in sort) || column === null || index < 0) return null;
    sortClause.push({ SortBy: { ...sort.SortBy, node: numberConstant(index + 1) } });
  }
  return { clauses: limitClauses({ ...top, sortClause }), limit: top.limit };
}
