import { parseEpochMs, parseTimeMs } from "../frames/epoch.ts";
import type { Fill } from "../sql/expand-macros.ts";
import type { Table, TimeRange } from "../types.ts";
import { reorder } from "./column-values.ts";
import { sortByTimeAndTenant } from "./sort-rows.ts";

export interface FillOptions {
  readonly fill: Fill;
  readonly range: TimeRange;
  readonly maxRows: number;
}

/**
 * Adds a row for each interval of the range that a series lacks, with the value that the query's `$__timeGroup(…, fill)` asks for; a series
 * is the rows with the same text columns. As Grafana's PostgreSQL datasource does, it starts at the interval that holds the range's begin.
 * Null when the rows would pass `maxRows`, so that the caller can say that nothing was filled.
 */
export function fillSeries(table: Table, { fill, range, maxRows }: FillOptions): Table | null {
  const time = table.columns[table.timeColumn];
  const times = table.values[table.timeColumn];
  if (time === undefined || times === undefined || table.rowCount === 0) return table;
  const stepMs = fill.stepSeconds * 1000;
  const startMs = Math.floor(range.fromMs / stepMs) * stepMs;
  const steps = Math.floor((range.toMs - startMs) / stepMs) + 1;
  const seriesRows = groupBySeries(table);
  if (seriesRows.size * steps + table.rowCount > maxRows) return null;

  const toMs = time.kind === "epoch" ? parseEpochMs : parseTimeMs;
  // As PostgreSQL prints them, because times are ordered by their texts.
  const zone = times.some((text) => text?.endsWith("+00")) ? "+00" : "";
  const fromMs =
    time.kind === "epoch"
      ? (ms: number) => String(ms / 1000)
      : (ms: number) =>
          new Date(ms)
            .toISOString()
            .replace("T", " ")
            .replace(/\.?0*Z$/, zone);
  const columns = table.values.map((values) => [...values]);
  for (const rows of seriesRows.values()) {
    const byTime = new Map(rows.map((row) => [toMs(times[row] ?? ""), row]));
    let previous: number | null = null;
    for (let step = 0; step < steps; step += 1) {
      const ms = startMs + step * stepMs;
      const present = byTime.get(ms);
      if (present !== undefined) {
        previous = present;
        continue;
      }
      for (const [index, column] of table.columns.entries()) {
        const values = columns[index];
        if (index === table.timeColumn) values?.push(fromMs(ms));
        else if (column.kind !== "number") values?.push(table.values[index]?.[rows[0] ?? 0] ?? null);
        else values?.push(filledValue(fill, previous === null ? null : (table.values[index]?.[previous] ?? null)));
      }
    }
  }
  const filled: Table = { ...table, values: columns, rowCount: columns[0]?.length ?? 0 };
  const kinds = table.columns.map(({ kind }) => kind);
  return {
    ...filled,
    values: reorder(columns, sortByTimeAndTenant(columns, kinds, table.timeColumn, table.tenantColumn)),
  };
}

function filledValue({ value }: Fill, previous: string | null): string | null {
  if (value === "null") return null;
  return value === "previous" ? previous : String(value);
}

/** Row numbers of each series. */
function groupBySeries(table: Table): ReadonlyMap<string, number[]> {
  const labels = table.columns.flatMap(({ kind }, index) =>
    index === table.timeColumn || kind === "number" ? [] : [index],
  );
  const series = new Map<string, number[]>();
  for (let row = 0; row < table.rowCount; row += 1) {
    const key = JSON.stringify(labels.map((column) => table.values[column]?.[row] ?? null));
    const rows = series.get(key);
    if (rows === undefined) series.set(key, [row]);
    else rows.push(row);
  }
  return series;
}
