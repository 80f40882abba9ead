import { AppError } from "../errors.ts";
import { replaceTenant } from "../template/reserved.ts";
import { isSetOperation, locationOf, type Node, pathOf, type RangeVar, type SelectStmt } from "./ast.ts";
import { meaningOf, ownsColumn } from "./column-owners.ts";
import type { CopyContext } from "./copied-block.ts";
import { bareName, outputsNamed } from "./output-references.ts";

/** A column without which a tenant's relation cannot answer a block, though PostgreSQL might find another of its name. */
export interface DriftedColumn {
  readonly relation: RangeVar;
  readonly column: string;
}

/**
 * The relations that must have the column that a bare name means, where some tenants lack it. Throws TEMPLATE_DRIFT where the tenants'
 * schemas would decide which of several relations is meant.
 */
export function driftedColumns(
  node: Extract<Node, { ColumnRef: unknown }>,
  chain: readonly SelectStmt[],
  context: CopyContext,
): readonly DriftedColumn[] {
  const [column = "", ...rest] = pathOf(node.ColumnRef.fields);
  if (rest.length > 0 || column === "*" || namesOutput(node, chain.at(-1), context)) return [];
  const { kind, relations } = meaningOf(column, chain, context);
  if (kind === "column") return relations.map((relation) => ({ relation, column }));
  const names = [...new Set(relations.map(nameOf))];
  throw new AppError(
    "TEMPLATE_DRIFT",
    names.length === 1
      ? `"${column}" is ambiguous: ${names.join()} has it in some tenants, and is read more than once`
      : `"${column}" is a column of ${names.join(" in some tenants and of ")} in others`,
    { hint: `write which is meant, as in alias.${column}`, position: context.positionOf(locationOf(node)) },
  );
}

function nameOf({ schemaname, relname = "" }: RangeVar): string {
  return replaceTenant(schemaname === undefined ? relname : `${schemaname}.${relname}`, () => "$<tenant>");
}

/** True for a bare name that is an item of ORDER BY, DISTINCT ON or GROUP BY and means an output there. */
function namesOutput(node: Node, select: SelectStmt | undefined, context: CopyContext): boolean {
  if (select === undefined) return false;
  const sorts = (select.sortClause ?? []).flatMap((item) => ("SortBy" in item ? [item.SortBy.node] : []));
  if (isSetOperation(select)) return sorts.includes(node);
  const column = bareName(node) ?? "";
  // The items are known by being among them: the same name inside an expression is a column's.
  if (outputsNamed(column, select.targetList ?? []).length === 0) return false;
  if (sorts.includes(node) || (select.distinctClause ?? []).includes(node)) return true;
  return (select.groupClause ?? []).some((item) => groups(item, node)) && !ownsColumn(select, column, context);
}

function groups(item: Node, node: Node): boolean {
  if (item === node) return true;
  return "GroupingSet" in item && (item.GroupingSet.content ?? []).some((inner) => groups(inner, node));
}
