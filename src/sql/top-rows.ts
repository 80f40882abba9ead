import { givesOneRow } from "./aggregates.ts";
import { integerConstant, isStar, type Node, numberConstant, type SelectStmt } from "./ast.ts";
import { asInArm, isMovable, isOrderedType, type Source, sourceColumn } from "./movable.ts";
import { sortedOutputs } from "./output-references.ts";

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
  const limit = integerConstant(select.limitCount);
  const offset = select.limitOffset === undefined ? 0 : integerConstant(select.limitOffset);
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

/** What an item of ORDER BY means, written out; undefined where that cannot be told. */
function keyOf(item: Node, { targetList = [] }: SelectStmt): Node | undefined {
  // Behind a star a position counts columns that are not written here.
  if (targetList.slice(0, integerConstant(item) ?? 0).some(isStar)) return undefined;
  const outputs = sortedOutputs(item, targetList);
  if (outputs === null) return item;
  return outputs.length === 1 ? outputs[0]?.val : undefined;
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
