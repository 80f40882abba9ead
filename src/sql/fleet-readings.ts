import type { BlockAnalysis } from "./analyse-blocks.ts";
import { type Node, rangeVarsOf, type SelectStmt, walk } from "./ast.ts";
import { bindingOf } from "./cte-scope.ts";

/** A copied block in a FROM. */
export interface Reading {
  /** Where it stands in the FROM. */
  readonly place: Node;
  /** What an arm reads: `place` itself, but where the block was freed of its own tenant column. */
  readonly item: Node;
  readonly alias: string;
  readonly block: SelectStmt;
  /** True for a block that a sub-select writes here; false for a WITH query, which others may read as well. */
  readonly own: boolean;
  /** False where an outer join may put nulls in the place of the block's rows. */
  readonly inner: boolean;
  /** True when the block gave the tenant's name as a column of its own, which it was freed of. */
  readonly ownTenant: boolean;
}

/** The copied blocks that a FROM item reads by a name of their own, so that a SELECT may be put in their place. */
export function readingsIn(
  item: Node | undefined,
  inner: boolean,
  select: SelectStmt,
  analysis: BlockAnalysis,
): Reading[] {
  if (item === undefined) return [];
  if ("JoinExpr" in item) {
    const { jointype, larg, rarg, alias } = item.JoinExpr;
    // An alias hides the names of what is joined.
    if (alias !== undefined) return [];
    const keepsAll = inner && jointype === "JOIN_INNER";
    return [...readingsIn(larg, keepsAll, select, analysis), ...readingsIn(rarg, keepsAll, select, analysis)];
  }
  if ("RangeSubselect" in item) {
    const { subquery, alias, lateral } = item.RangeSubselect;
    if (subquery === undefined || !("SelectStmt" in subquery) || alias?.aliasname === undefined) return [];
    if (alias.colnames !== undefined || lateral === true || analysis.classOf(subquery.SelectStmt) !== "copied")
      return [];
    return [
      { place: item, item, alias: alias.aliasname, block: subquery.SelectStmt, own: true, inner, ownTenant: false },
    ];
  }
  if (!("RangeVar" in item)) return [];
  const { relname = "", alias } = item.RangeVar;
  const binding = bindingOf(item.RangeVar, analysis.scopeOf(select));
  if (binding === undefined || binding.class !== "copied" || binding.selfReferencing || alias?.colnames !== undefined)
    return [];
  if (binding.cte.aliascolnames !== undefined || binding.cte.ctematerialized === "CTEMaterializeAlways") return [];
  return [
    {
      place: item,
      item,
      alias: alias?.aliasname ?? relname,
      block: binding.query,
      own: false,
      inner,
      ownTenant: false,
    },
  ];
}

/** How often SELECTs that run once read a WITH query. */
export function readersOf(query: SelectStmt, root: SelectStmt, analysis: BlockAnalysis): number {
  let count = 0;
  walk({ SelectStmt: root }, (node) => {
    if (!("SelectStmt" in node)) return true;
    const { SelectStmt: select } = node;
    if (analysis.classOf(select) === "copied") return false;
    for (const relation of rangeVarsOf(select))
      if (bindingOf(relation, analysis.scopeOf(select))?.query === query) count += 1;
    return true;
  });
  return count;
}

/** A FROM item with `from`, wherever it is joined, replaced by `to`. */
export function replaceItem(node: Node, from: Node, to: Node): Node {
  if (node === from) return to;
  if (!("JoinExpr" in node)) return node;
  const { larg, rarg } = node.JoinExpr;
  return {
    JoinExpr: {
      ...node.JoinExpr,
      ...(larg === undefined ? {} : { larg: replaceItem(larg, from, to) }),
      ...(rarg === undefined ? {} : { rarg: replaceItem(rarg, from, to) }),
    },
  };
}
