import { isSetOperation, isStar, type Node, type SelectStmt, sidesOf, walk } from "./ast.ts";
import { timeGroupOf } from "./expand-macros.ts";

/** Output columns of a copied block that hold `date_bin` timestamps where the user asked for epoch seconds. */
export interface TimeGroupColumn {
  /** Counted from the first column, or from the last of the user's columns when a star stands before it. */
  readonly index: number;
  readonly fromEnd: boolean;
  readonly stepSeconds: number;
}

/**
 * The `$__timeGroup` columns of the block when every one of its uses is a whole output, GROUP BY, ORDER BY or DISTINCT ON item: then all
 * of them can be `date_bin`, which the tenants compute. Null when any is part of an expression.
 */
export function timeGroupColumns(select: SelectStmt): readonly TimeGroupColumn[] | null {
  const columns: TimeGroupColumn[] = [];
  for (const side of sidesOf(select)) {
    const targets = (side.targetList ?? []).map((node) => ("ResTarget" in node ? node.ResTarget.val : undefined));
    const whole: (Node | undefined)[] = [...targets, ...(side.groupClause ?? []), ...(side.distinctClause ?? [])];
    for (const sort of select.sortClause ?? []) if ("SortBy" in sort) whole.push(sort.SortBy.node);
    const wholeUses = whole.filter((node) => node !== undefined && timeGroupOf(node) !== undefined).length;
    if (countTimeGroups(side, select) !== wholeUses) return null;
    if (side !== sidesOf(select)[0]) continue;
    for (const [index, value] of targets.entries()) {
      const group = value === undefined ? undefined : timeGroupOf(value);
      if (group === undefined) continue;
      const starBefore = (side.targetList ?? []).slice(0, index).some(isStar);
      const starAfter = (side.targetList ?? []).slice(index + 1).some(isStar);
      if (starBefore && starAfter) return null;
      columns.push({
        index: starBefore ? targets.length - 1 - index : index,
        fromEnd: starBefore,
        stepSeconds: group.stepSeconds,
      });
    }
  }
  // The sides of a set operation must agree, or their types would not meet.
  if (isSetOperation(select) && columns.length > 0) return null;
  return columns;
}

function countTimeGroups(side: SelectStmt, top: SelectStmt): number {
  let count = 0;
  const visit = (node: Node): boolean => {
    // Uses in sub-selects are theirs, and are written as Grafana writes them.
    if ("SelectStmt" in node) return false;
    if (timeGroupOf(node) !== undefined) count += 1;
    return true;
  };
  walk(Object.values(side), visit);
  if (side !== top) walk(top.sortClause, visit);
  return count;
}
