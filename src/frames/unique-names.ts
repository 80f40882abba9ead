import type { Table, TableColumn } from "../types.ts";

/** The table with each column name used once: PostgreSQL allows `SELECT 1 AS n, 2 AS n`, an object has one `n`. */
export function withUniqueNames(table: Table): Table {
  const columns = uniquelyNamed(table.columns);
  return columns === table.columns ? table : { ...table, columns };
}

/** The columns, a second one of a name `n` called `n_1`; the very same array when their names differ. */
export function uniquelyNamed(columns: readonly TableColumn[]): readonly TableColumn[] {
  const given = new Set(columns.map((column) => column.name));
  if (given.size === columns.length) return columns;
  const taken = new Set<string>();
  return columns.map((column) => {
    let name = column.name;
    for (let number = 1; taken.has(name) || (number > 1 && given.has(name)); number += 1)
      name = `${column.name}_${number}`;
    taken.add(name);
    return { ...column, name };
  });
}
