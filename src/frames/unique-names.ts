import type { Table } from "../types.ts";

/** The table with each column name used once: PostgreSQL allows `SELECT 1 AS n, 2 AS n`, an object has one `n`. */
export function withUniqueNames(table: Table): Table {
  const given = new Set(table.columns.map((column) => column.name));
  if (given.size === table.columns.length) return table;
  const taken = new Set<string>();
  const columns = table.columns.map((column) => {
    let name = column.name;
    for (let number = 1; taken.has(name) || (number > 1 && given.has(name)); number += 1)
      name = `${column.name}_${number}`;
    taken.add(name);
    return { ...column, name };
  });
  return { ...table, columns };
}
