import { castNode, type Node, type SelectStmt, textConstant } from "./ast.ts";
import { outputAt } from "./output-references.ts";

/** True for GROUPING SETS, ROLLUP and CUBE, whose subtotal rows have nulls where a column is not grouped by. */
export function hasGroupingSets(select: SelectStmt): boolean {
  return (select.groupClause ?? []).some((node) => "GroupingSet" in node);
}

/**
 * A GROUP BY item in which the tenant's name, written out or as the position of an output, is another constant: the rows are the same, and
 * the tenant column, which is no longer what is grouped by, keeps its value in subtotal rows.
 */
export function groupedWithoutTenant(
  item: Node,
  targets: readonly Node[],
  isTenant: (node: Node) => boolean,
  copy: (node: Node) => Node,
): Node {
  const inside = (items: readonly Node[]) => items.map((node) => groupedWithoutTenant(node, targets, isTenant, copy));
  if ("GroupingSet" in item) {
    const { content } = item.GroupingSet;
    return content === undefined ? item : { GroupingSet: { ...item.GroupingSet, content: inside(content) } };
  }
  // `ROLLUP ((a, b), c)`: several columns that come and go together.
  if ("RowExpr" in item && item.RowExpr.args !== undefined)
    return { RowExpr: { ...item.RowExpr, args: inside(item.RowExpr.args) } };
  // Not an output by its name, which may be a column's: that would come first.
  const meant = outputAt(item, targets)?.val ?? item;
  return isTenant(meant) ? castNode(textConstant(""), "text") : copy(item);
}
