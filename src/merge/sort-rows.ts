import type { ValueKind } from "../types.ts";
import type { ColumnValues } from "./column-values.ts";
import { type CompareRows, compareText, orderOf } from "./compare-values.ts";

export interface RowOrder {
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  /** True when the item names a collation or an operator, which only PostgreSQL can follow. */
  readonly needsPostgres: boolean;
}

/**
 * Row numbers in the order of the keys, then by `tenant` (-1 for none), since lanes end in any order; null when only PostgreSQL can tell the
 * order.
 */
export function sortRows(
  columns: readonly ColumnValues[],
  kinds: readonly ValueKind[],
  order: readonly RowOrder[],
  tenant = -1,
): number[] | null {
  const compares: CompareRows[] = [];
  for (const item of order) {
    const values = columns[item.column] ?? [];
    const compare = item.needsPostgres ? null : orderOf(values, kinds[item.column] ?? "text");
    if (compare === null) return null;
    compares.push(withNulls(values, compare, item));
  }
  const tenants = columns[tenant];
  if (tenants !== undefined) compares.push((left, right) => compareText(tenants[left] ?? "", tenants[right] ?? ""));
  return sorted(columns[0]?.length ?? 0, compares);
}

/** Row numbers by time, then tenant, for answers whose query asks for no order; a missing column (-1) does not count. */
export function sortByTimeAndTenant(
  columns: readonly ColumnValues[],
  kinds: readonly ValueKind[],
  time: number,
  tenant: number,
): number[] {
  const compares: CompareRows[] = [];
  const times = columns[time];
  const timeOrder = times === undefined ? null : orderOf(times, kinds[time] ?? "text");
  if (times !== undefined && timeOrder !== null)
    compares.push(withNulls(times, timeOrder, { descending: false, nullsFirst: false }));
  const tenants = columns[tenant];
  if (tenants !== undefined) compares.push((left, right) => compareText(tenants[left] ?? "", tenants[right] ?? ""));
  return sorted(columns[0]?.length ?? 0, compares);
}

function withNulls(
  values: ColumnValues,
  compare: CompareRows,
  { descending, nullsFirst }: Pick<RowOrder, "descending" | "nullsFirst">,
): CompareRows {
  const sign = descending ? -1 : 1;
  const nullSide = nullsFirst ? -1 : 1;
  return (left, right) => {
    const leftNull = values[left] === null;
    const rightNull = values[right] === null;
    if (leftNull || rightNull) return leftNull === rightNull ? 0 : leftNull ? nullSide : -nullSide;
    return sign * compare(left, right);
  };
}

function sorted(rowCount: number, compares: readonly CompareRows[]): number[] {
  const rows = Array.from({ length: rowCount }, (_, row) => row);
  return rows.sort((left, right) => {
    for (const compare of compares) {
      const order = compare(left, right);
      if (order !== 0) return order;
    }
    return left - right;
  });
}
