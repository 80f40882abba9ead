import { AppError } from "../errors.ts";
import { RESERVED_PREFIX } from "../template/reserved.ts";
import {
  integerConstant,
  isSetOperation,
  isStar,
  type Node,
  pathOf,
  type SelectStmt,
  sidesOf,
  targetNode,
} from "./ast.ts";
import { equal } from "./deparse.ts";
import { bareName, outputsNamed } from "./output-references.ts";

/** Where a sort key is found among the columns of a copied block. */
export type SortTarget =
  /** Output column, from 0; with `fromEnd` counted back from the last visible column, because a star stands before it. */
  | { readonly kind: "column"; readonly index: number; readonly fromEnd: boolean }
  /** The first output column of that name. */
  | { readonly kind: "name"; readonly name: string }
  /** A column that is there for sorting only, from 0. */
  | { readonly kind: "hidden"; readonly index: number };

/** One item of the ORDER BY that the whole answer follows. */
export interface SortKey {
  readonly target: SortTarget;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  /** Name of a collation written on the item, as a dotted path; null for the column's own. */
  readonly collation: readonly string[] | null;
  /** Path of an operator given by USING; null for ASC and DESC. */
  readonly operator: readonly string[] | null;
}

/**
 * Takes the ORDER BY out of a copied block's tree, in place: arms need it only for their LIMIT or DISTINCT ON. At the top level it becomes
 * the keys by which the whole answer is sorted; expressions that the output lacks are added as hidden columns, last.
 */
export function takeSortKeys(
  select: SelectStmt,
  { topLevel }: { readonly topLevel: boolean },
): { sortKeys: SortKey[]; hiddenColumns: number } {
  const clause = select.sortClause;
  if (clause === undefined) return { sortKeys: [], hiddenColumns: 0 };
  const distinctOn = (select.distinctClause ?? []).some((node) => Object.keys(node).length > 0);
  const limited = select.limitCount !== undefined || select.limitOffset !== undefined;
  if (!limited && !distinctOn) delete select.sortClause;
  if (!topLevel) return { sortKeys: [], hiddenColumns: 0 };

  const hidden: Node[] = [];
  const sortKeys: SortKey[] = [];
  const targets = sidesOf(select)[0]?.targetList ?? [];
  for (const node of clause) {
    if (!("SortBy" in node) || node.SortBy.node === undefined) continue;
    const { sortby_dir, sortby_nulls, useOp } = node.SortBy;
    const item = node.SortBy.node;
    const collated = "CollateClause" in item && item.CollateClause.arg !== undefined ? item.CollateClause : null;
    const descending = sortby_dir === "SORTBY_DESC";
    // `USING >` puts nulls first, as DESC does.
    const reversed = descending || pathOf(useOp).at(-1)?.includes(">") === true;
    sortKeys.push({
      target: findTarget(collated?.arg ?? item, targets) ?? {
        kind: "hidden",
        index: hidden.push(collated?.arg ?? item) - 1,
      },
      descending,
      nullsFirst: sortby_nulls === "SORTBY_NULLS_FIRST" || (reversed && sortby_nulls !== "SORTBY_NULLS_LAST"),
      collation: collated === null ? null : pathOf(collated.collname),
      operator: sortby_dir === "SORTBY_USING" ? pathOf(useOp) : null,
    });
  }
  if (hidden.length > 0 && isSetOperation(select)) {
    throw new AppError("QUERY_FAILED", "ORDER BY on a UNION, EXCEPT or INTERSECT can only name its output columns", {
      hint: "order by a column's name or position",
    });
  }
  // PostgreSQL's own refusal: the hidden column would make rows distinct that the reader sees twice.
  if (select.distinctClause !== undefined && !distinctOn && hidden.some((node) => !repeatsColumn(node, targets))) {
    throw new AppError("QUERY_FAILED", "for SELECT DISTINCT, ORDER BY expressions must appear in the select list", {
      hint: "add the expression to the SELECT, or order by one of its columns",
    });
  }
  for (const [index, node] of hidden.entries())
    select.targetList = [...(select.targetList ?? []), targetNode(node, `${RESERVED_PREFIX}s_${index}__`)];
  return { sortKeys, hiddenColumns: hidden.length };
}

/** Where the answer has what an item of ORDER BY means, by position, name or as the same expression; null where it does not. */
function findTarget(item: Node, targets: readonly Node[]): SortTarget | null {
  // Not the output at that position: the answer's columns are counted, of which a star is several.
  const position = integerConstant(item);
  if (position !== null) return { kind: "column", index: position - 1, fromEnd: false };
  const name = bareName(item);
  if (name !== null && outputsNamed(name, targets).length > 0) return { kind: "name", name };
  const index = targets.findIndex(
    (target) => "ResTarget" in target && target.ResTarget.val !== undefined && equal(target.ResTarget.val, item),
  );
  if (index < 0) return null;
  if (!targets.slice(0, index).some(isStar)) return { kind: "column", index, fromEnd: false };
  return targets.slice(index + 1).some(isStar)
    ? null
    : { kind: "column", index: targets.length - 1 - index, fromEnd: true };
}

/** True for a column that the output has under another spelling: `e.kind` beside `kind`, or behind a star. */
function repeatsColumn(item: Node, targets: readonly Node[]): boolean {
  if (!("ColumnRef" in item)) return false;
  const name = pathOf(item.ColumnRef.fields).at(-1);
  return targets.some((target) => {
    const value = "ResTarget" in target ? target.ResTarget.val : undefined;
    if (value === undefined || !("ColumnRef" in value)) return false;
    return isStar(target) || pathOf(value.ColumnRef.fields).at(-1) === name;
  });
}
