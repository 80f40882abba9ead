import { AppError } from "../errors.ts";
import { loneSelector } from "../template/reserved.ts";
import { type Node, outputName, pathOf, type ResTarget, type SelectStmt, sidesOf, targetNode } from "./ast.ts";
import { fromHasColumn } from "./column-scope.ts";
import type { CopyContext } from "./copied-block.ts";

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
 * True when the block's first side gives exactly the tenant's name under the tenant column's name. Any other output column of that
 * name is refused (TEMPLATE_TENANT_COLUMN); one that comes from a star is renamed later.
 */
export function givesTenant(select: SelectStmt, context: CopyContext): boolean {
  const [first] = sidesOf(select);
  for (const node of first?.targetList ?? []) {
    if (!("ResTarget" in node) || node.ResTarget.val === undefined || first === undefined) continue;
    const value = node.ResTarget.val;
    const isName = isTenantName(value, [first], context);
    if (isName && (node.ResTarget.name ?? context.tenantColumn) === context.tenantColumn) return true;
    if (outputName(node.ResTarget) !== context.tenantColumn) continue;
    if (isLoneLiteral(value)) return true;
    throw tenantColumnTaken(node.ResTarget, context);
  }
  return false;
}

/** Throws TEMPLATE_TENANT_COLUMN when a SELECT that is not about one tenant names an output column as the tenant's is. */
export function refuseTenantColumn(select: SelectStmt, context: CopyContext): void {
  for (const node of select.targetList ?? []) {
    if ("ResTarget" in node && outputName(node.ResTarget) === context.tenantColumn)
      throw tenantColumnTaken(node.ResTarget, context);
  }
}

function isLoneLiteral(node: Node): boolean {
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
