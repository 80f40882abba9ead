import { AppError } from "../errors.ts";
import { loneSelector } from "../template/reserved.ts";
import {
  firstLocation,
  isStar,
  type Node,
  outputName,
  pathOf,
  type ResTarget,
  type SelectStmt,
  sidesOf,
  targetNode,
} from "./ast.ts";
import { fromHasColumn } from "./column-scope.ts";
import type { ColumnPosition, CopyContext } from "./copied-block.ts";

/** True for `$<tenant>` alone, and for a bare `tenant` that nothing in scope has as a column. */
export function isTenantName(node: Node, chain: readonly SelectStmt[], context: CopyContext): boolean {
  if (!("ColumnRef" in node)) return false;
  const path = pathOf(node.ColumnRef.fields);
  if (path.length !== 1) return false;
  if (loneSelector(path[0] ?? "") !== null) return true;
  return (
    path[0] === context.tenantColumn && !chain.some((select) => fromHasColumn(select, context.tenantColumn, context))
  );
}

/** Adds an output column, last, to a SELECT or to each row of VALUES. */
export function appendOutput(side: SelectStmt, value: Node, name: string): void {
  if (side.valuesLists === undefined) side.targetList = [...(side.targetList ?? []), targetNode(value, name)];
  else for (const row of side.valuesLists) if ("List" in row) row.List.items = [...(row.List.items ?? []), value];
}

/**
 * Where the block's first side gives exactly the tenant's name under the tenant column's name; null when it does not. Any other output
 * column of that name is refused (TEMPLATE_TENANT_COLUMN); one that comes from a star is renamed later.
 */
export function findOwnTenant(select: SelectStmt, context: CopyContext): ColumnPosition | null {
  const [first] = sidesOf(select);
  const targets = first?.targetList ?? [];
  for (const [index, node] of targets.entries()) {
    if (!("ResTarget" in node) || node.ResTarget.val === undefined || first === undefined) continue;
    const value = node.ResTarget.val;
    const isName = isTenantName(value, [first], context);
    const named = (isName && node.ResTarget.name === undefined) || outputName(node.ResTarget) === context.tenantColumn;
    if (!named) continue;
    if (!isName && !isLoneLiteral(value)) throw tenantColumnTaken(node.ResTarget, context);
    return positionOfTarget(targets, index, context);
  }
  return null;
}

function positionOfTarget(targets: readonly Node[], index: number, context: CopyContext): ColumnPosition {
  if (!targets.slice(0, index).some(isStar)) return { index, fromEnd: false };
  if (!targets.slice(index + 1).some(isStar)) return { index: targets.length - 1 - index, fromEnd: true };
  throw new AppError(
    "TEMPLATE_UNSUPPORTED",
    "the tenant's name stands between two stars, where its place depends on the schema",
    {
      hint: "leave it out: the tenant column is added by itself, last",
      position: context.positionOf(firstLocation(targets[index])),
    },
  );
}

/** Throws TEMPLATE_TENANT_COLUMN when a SELECT that is not about one tenant names an output column as the tenant's is. */
export function refuseTenantColumn(select: SelectStmt, context: CopyContext): void {
  for (const node of select.targetList ?? []) {
    if ("ResTarget" in node && outputName(node.ResTarget) === context.tenantColumn)
      throw tenantColumnTaken(node.ResTarget, context);
  }
}

/** True for a literal that is `$<tenant>` and nothing else, cast or not. */
export function isLoneLiteral(node: Node): boolean {
  if ("TypeCast" in node && node.TypeCast.arg !== undefined) return isLoneLiteral(node.TypeCast.arg);
  return "A_Const" in node && loneSelector(node.A_Const.sval?.sval ?? "") !== null;
}

function tenantColumnTaken(target: ResTarget, context: CopyContext): AppError {
  return new AppError(
    "TEMPLATE_TENANT_COLUMN",
    `the output column "${context.tenantColumn}" is the tenant's name, and cannot be something else`,
    {
      hint: `give this column another name, as in … AS ${context.tenantColumn}_1; the tenant's own is added by itself`,
      position: context.positionOf(target.location),
    },
  );
}
