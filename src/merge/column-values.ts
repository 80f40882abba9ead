/** The values of a column in PostgreSQL's text form; null is null. */
export type ColumnValues = readonly (string | null)[];

/** Rows turned into columns. `count` is the number of columns, which rows alone would not tell when there are none. */
export function toColumns(rows: readonly (readonly (string | null)[])[], count: number): ColumnValues[] {
  return Array.from({ length: count }, (_, column) => rows.map((row) => row[column] ?? null));
}

/** The columns with their rows in the order of `rows`, which may leave some out. */
export function reorder(columns: readonly ColumnValues[], rows: readonly number[]): ColumnValues[] {
  return columns.map((values) => rows.map((row) => values[row] ?? null));
}
