import { AppError } from "../errors.ts";
import { quoteIdentifier } from "../postgres/quote.ts";
import { PART_SLOT } from "../sql/outer-statement.ts";
import type { SortKey } from "../sql/sort-keys.ts";
import type { PlannedBlock, PlannedColumn } from "./planned-block.ts";
import { sortColumnIndex } from "./sort-column.ts";

/**
 * The statement that runs once, with the gathered rows of each copied block as text arrays, a parameter for each column, cast row by row
 * (an array of arrays could not be unnested by row). Parameters are numbered through the blocks in order.
 */
export function outerSql(template: string, blocks: readonly PlannedBlock[]): string {
  let parameter = 0;
  const sources = blocks.map(({ columns }) => {
    const first = parameter + 1;
    parameter += columns.length;
    return gatheredSource(columns, first);
  });
  // A replacement text would give "$" in a column's name a meaning, so it is a function.
  return template.replaceAll(PART_SLOT, (slot, index: string) => `(${sources[Number(index)] ?? ""}) AS ${slot}`);
}

function gatheredSource(columns: readonly PlannedColumn[], firstParameter: number): string {
  const outputs = columns.map(
    (column, index) => `${typedValue(column, `u.c${index}`)} AS ${quoteIdentifier(column.name)}`,
  );
  return `SELECT ${outputs.join(", ")} FROM ${unnested(columns.length, firstParameter)}`;
}

function unnested(count: number, firstParameter: number): string {
  const indexes = Array.from({ length: count }, (_, index) => index);
  return `unnest(${indexes.map((index) => `$${firstParameter + index}::text[]`).join(", ")}) AS u(${indexes.map((index) => `c${index}`).join(", ")})`;
}

/** Types whose text cannot be read back. */
const UNREADABLE = new Set(["record", "record[]", "unknown", "anyelement", "void"]);

function typedValue({ name, type, timeGroupSeconds }: PlannedColumn, value: string): string {
  if (UNREADABLE.has(type)) {
    throw new AppError(
      "TEMPLATE_UNSUPPORTED",
      `the column "${name}" is a whole row, which the SELECT around it cannot read`,
      { hint: "name the columns that you need" },
    );
  }
  if (timeGroupSeconds !== null)
    return `floor(extract(epoch FROM CAST(${value} AS timestamptz)) / ${timeGroupSeconds}) * ${timeGroupSeconds}`;
  return type === "text" ? value : `CAST(${value} AS ${type})`;
}

/** A statement that gives the gathered rows back in the order of the keys: text is ordered where its collations are known. */
export function sortSql({ block, columns }: PlannedBlock): string {
  const items = block.sortKeys.map((key) => sortItem(key, columns, block.hiddenColumns));
  const tenant = columns.findIndex(({ role }) => role === "tenant");
  // Rows that the keys do not tell apart: lanes end in any order.
  if (tenant >= 0) items.push(`u.c${tenant} COLLATE "C"`);
  return `SELECT ${columns.map((_, index) => `u.c${index}`).join(", ")} FROM ${unnested(columns.length, 1)} ORDER BY ${items.join(", ")}`;
}

function sortItem(key: SortKey, columns: readonly PlannedColumn[], hiddenColumns: number): string {
  const index = sortColumnIndex(key, columns, hiddenColumns);
  const column = columns[index];
  const value = column === undefined || column.type === "text" ? `u.c${index}` : `CAST(u.c${index} AS ${column.type})`;
  const collation = key.collation === null ? "" : ` COLLATE ${key.collation.map(quoteIdentifier).join(".")}`;
  const direction =
    key.operator === null
      ? key.descending
        ? " DESC"
        : " ASC"
      : ` USING OPERATOR(pg_catalog.${key.operator.at(-1) ?? "<"})`;
  return `${value}${collation}${direction} NULLS ${key.nullsFirst ? "FIRST" : "LAST"}`;
}
