import { givesOneRow } from "./aggregates.ts";
import { isStar, type Node, numberConstant, outputName, pathOf, type SelectStmt } from "./ast.ts";
import { asInArm, isMovable, isOrderedType, type Source, sourceColumn } from "./movable.ts";

/** What each tenant need not send more than: as many of its first rows as the whole answer can hold. */
export interface TopRows {
  readonly sortClause: readonly Node[];
  readonly limit: number;
}

/**
 * The ORDER BY and LIMIT that each arm may apply by itself, for a SELECT whose LIMIT takes rows as its one source gives them: the first n of
 * the fleet are among the first n of each tenant. Null where rows are made or counted in between, or where a collation would decide the order.
 */
export function topRows(select: SelectStmt, source: Source): TopRows | null {
  const limit = constantOf(select.limitCount);
  const offset = select.limitOffset === undefined ? 0 : constantOf(select.limitOffset);
  if (limit === null || offset === null || select.limitOption !== "LIMIT_OPTION_COUNT") return null;
  const { groupClause, havingClause, distinctClause, whereClause } = select;
  if (groupClause !== undefined || havingClause !== undefined || distinctClause !== undefined) return null;
  if (whereClause !== undefined && !isMovable(whereClause, source)) return null;
  // An aggregate, a window or a set-returning function sees or makes other rows than those that come.
  if (!(select.targetList ?? []).every(givesOneRow)) return null;
  const sortClause: Node[] = [];
  for (const sort of select.sortClause ?? []) {
    if (!("SortBy" in sort) || sort.SortBy.useOp !== undefined || sort.SortBy.node === undefined) return null;
    const key = keyOf(sort.SortBy.node, select);
    const column = key === undefined ? null : sourceColumn(key, source);
    if (key === undefined || column === null) return null;
    // One tenant's rows all have its name.
    if (column === source.tenantColumn) continue;
    if (!isOrderedType(source.columns.get(column) ?? "")) return null;
    sortClause.push({ SortBy: { ...sort.SortBy, node: asInArm(key, source) } });
  }
  return { sortClause, limit: limit + offset };
}

function constantOf(node: Node | undefined): number | null {
  return node !== undefined && "A_Const" in node && node.A_Const.ival !== undefined
    ? (node.A_Const.ival.ival ?? 0)
    : null;
}

/** PostgreSQL's rule: a number is a position, a bare name an output before it is a column of the source. */
function keyOf(item: Node, { targetList = [] }: SelectStmt): Node | undefined {
  const outputOf = (target: Node | undefined) =>
    target !== undefined && "ResTarget" in target ? target.ResTarget.val : undefined;
  if ("A_Const" in item && item.A_Const.ival !== undefined) {
    const position = item.A_Const.ival.ival ?? 0;
    // Behind a star a position counts columns that are not written here.
    return targetList.slice(0, position).some(isStar) ? undefined : outputOf(targetList[position - 1]);
  }
  if (!("ColumnRef" in item)) return undefined;
  const path = pathOf(item.ColumnRef.fields);
  const named = targetList.filter((target) => "ResTarget" in target && outputName(target.ResTarget) === path[0]);
  if (path.length > 1 || named.length === 0) return item;
  return named.length === 1 ? outputOf(named[0]) : undefined;
}

/** The clauses as a SELECT has them. */
export function limitClauses({
  sortClause,
  limit,
}: TopRows): Pick<SelectStmt, "sortClause" | "limitCount" | "limitOption"> {
  return {
    ...(sortClause.length > 0 ? { sortClause: [...sortClause] } : {}),
    limitCount: numberConstant(limit),
    limitOption: "LIMIT_OPTION_COUNT",
  };
}
