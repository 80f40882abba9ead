import { AppError } from "../errors.ts";
import type { SortKey } from "../sql/sort-keys.ts";

/** The index, among all columns of a block, of the column that a sort key means. Throws QUERY_FAILED for a position that no column has. */
export function sortColumnIndex(
  { target }: SortKey,
  columns: readonly { readonly name: string }[],
  hiddenColumns: number,
): number {
  const visible = columns.length - hiddenColumns;
  switch (target.kind) {
    case "hidden":
      return visible + target.index;
    case "name": {
      const index = columns.findIndex(({ name }) => name === target.name);
      if (columns.some(({ name }, other) => name === target.name && other > index && other < visible))
        throw new AppError("QUERY_FAILED", `ORDER BY "${target.name}" is ambiguous`, {
          hint: "give the columns different names, or order by position",
        });
      if (index < 0) throw new AppError("QUERY_FAILED", `ORDER BY names "${target.name}", which is no output column`);
      return index;
    }
    case "column": {
      const index = target.fromEnd ? visible - 1 - target.index : target.index;
      if (index < 0 || index >= visible)
        throw new AppError("QUERY_FAILED", `ORDER BY position ${target.index + 1} is not in the select list`);
      return index;
    }
  }
  return target satisfies never;
}
