import { AppError } from "../../../src/errors.ts";
import { resolveRelation, writtenName } from "../../../src/plan/resolve-relation.ts";
import { quoteQualified } from "../../../src/postgres/quote.ts";
import type { CompiledBlock, CompiledQuery } from "../../../src/sql/compile-template.ts";
import type { SortKey } from "../../../src/sql/sort-keys.ts";
import { matchesSelector } from "../../../src/template/selector.ts";
import type { Catalog } from "../../../src/types.ts";

/** Everything that compiling a template decides, as text to be read and compared. */
export function printCompiled(compiled: CompiledQuery, catalog: Catalog): string {
  const lines = compiled.blocks.flatMap((block, index) => printBlock(block, index, catalog));
  if (compiled.outerSql !== null) lines.push(`once: ${compiled.outerSql}`);
  if (compiled.outerOrdered) lines.push("  ordered by the template");
  if (compiled.fill !== null) lines.push(`fill: ${compiled.fill.value} every ${compiled.fill.stepSeconds} s`);
  return lines.join("\n");
}

/** An error as its reader gets it. */
export function printError(error: unknown): string {
  if (!(error instanceof AppError)) throw error;
  const { code, message, hint, position } = error;
  const place = position === undefined ? "" : ` at ${position.line}:${position.column}`;
  return [`${code}${place}: ${message}`, ...(hint === undefined ? [] : [`  hint: ${hint}`])].join("\n");
}

function printBlock(block: CompiledBlock, index: number, catalog: Catalog): string[] {
  const columns = [
    block.hasStar ? "a star" : "",
    block.hasWholeRow ? "a whole row" : "",
    block.addsTenant ? "the tenant is added" : "the tenant is given",
    block.hiddenColumns > 0 ? `${block.hiddenColumns} hidden` : "",
    ...block.timeGroups.map(
      (group) =>
        `column ${group.index}${group.fromEnd ? " from the end" : ""} in epoch steps of ${group.stepSeconds} s`,
    ),
    block.limit === null ? "" : `${block.limit} per tenant`,
  ].filter((part) => part !== "");
  const place = block.position === undefined ? "" : ` at ${block.position.line}:${block.position.column}`;
  return [
    `block ${index}${place}: ${columns.join(", ")}`,
    ...[...catalog.tenants.values()].map((tenant) => {
      if (!matchesSelector(block.selectorOf, tenant)) return `  ${tenant.name}: not selected`;
      const relations = block.relations.map((use) => {
        const relation = resolveRelation(use, tenant);
        return relation === undefined ? "<no relation>" : quoteQualified(relation.schema, relation.name);
      });
      return `  ${tenant.name}: ${block.arm.fill(tenant.name, relations)}`;
    }),
    ...block.requiredColumns.map(({ relation, column }) => {
      const use = block.relations[relation];
      return `  only tenants with: ${use === undefined ? "" : writtenName(use)}.${column}`;
    }),
    ...block.sortKeys.map((key) => `  order: ${printSortKey(key)}`),
  ];
}

function printSortKey({ target, descending, nullsFirst, collation, operator }: SortKey): string {
  const place =
    target.kind === "name"
      ? `column "${target.name}"`
      : `${target.kind === "hidden" ? "hidden column" : "column"} ${target.index}${"fromEnd" in target && target.fromEnd ? " from the end" : ""}`;
  const order = operator === null ? (descending ? "descending" : "ascending") : `using ${operator.join(".")}`;
  const collated = collation === null ? "" : ` collate ${collation.join(".")}`;
  return `${place}${collated} ${order}, nulls ${nullsFirst ? "first" : "last"}`;
}
