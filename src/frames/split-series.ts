import type { Labels, Notice, Table, TableColumn } from "../types.ts";
import { parseEpochMs, parseTimeMs } from "./epoch.ts";

/** The rows of one label set, ascending by time. */
export interface Series {
  readonly labels: Labels;
  /** The values of the labels, for people: `acme eu`; empty when there are none. */
  readonly title: string;
  readonly rows: readonly number[];
}

/** A long table as series. All series share the columns; a row belongs to at most one series. */
export interface SeriesSet {
  readonly timeColumn: TableColumn;
  /** Epoch milliseconds by row; NaN where the time is null. */
  readonly timesMs: Float64Array;
  /** Indexes of the numeric columns: each is a value of every series. */
  readonly valueColumns: readonly number[];
  readonly series: readonly Series[];
  /** Names the rows that no series can hold. */
  readonly notices: readonly Notice[];
}

/** True when the table can be series: a time column and at least one numeric column. */
export function isTimeSeries(table: Table): boolean {
  const kind = table.columns[table.timeColumn]?.kind;
  return (kind === "time" || kind === "epoch") && table.columns.some((column) => column.kind === "number");
}

/**
 * The first `rowCount` rows as one series per label set, in order of first appearance. Labels are the columns that are
 * neither time nor number; a null label is left out. Undefined when the table cannot be series.
 */
export function splitSeries(table: Table, rowCount: number): SeriesSet | undefined {
  const timeColumn = table.columns[table.timeColumn];
  if (timeColumn === undefined || !isTimeSeries(table)) return undefined;
  const timesMs = readTimes(timeColumn, table.values[table.timeColumn] ?? [], rowCount);
  const indexes = [...table.columns.keys()];
  const valueColumns = indexes.filter((index) => table.columns[index]?.kind === "number");
  const labelColumns = indexes.filter((index) => index !== table.timeColumn && !valueColumns.includes(index));
  const groups = groupRows(
    labelColumns.map((index) => table.values[index] ?? []),
    timesMs,
  );
  const series = groups.map((rows): Series => {
    const labels = labelsOf(table, labelColumns, rows[0] ?? 0);
    return { labels, title: Object.values(labels).join(" "), rows: ascending(rows, timesMs) };
  });
  const dropped = timesMs.reduce((count, time) => (Number.isNaN(time) ? count + 1 : count), 0);
  return {
    timeColumn,
    timesMs,
    valueColumns,
    series,
    notices: dropped === 0 ? [] : [droppedNotice(dropped, timeColumn)],
  };
}

/** What a legend calls a series: its labels, and the value column's name where that alone tells series apart. */
export function seriesTitle(title: string, valueColumn: string, valueColumns: number): string {
  if (title === "") return valueColumn;
  return valueColumns === 1 ? title : `${title} ${valueColumn}`;
}

function readTimes(column: TableColumn, values: readonly (string | null)[], rowCount: number): Float64Array {
  const parse = column.kind === "epoch" ? parseEpochMs : parseTimeMs;
  const times = new Float64Array(rowCount);
  let last: string | null = null;
  let lastMs = Number.NaN;
  for (let row = 0; row < rowCount; row += 1) {
    const text = values[row] ?? null;
    // Rows of one bucket come together: most times equal the one before.
    if (text !== last) {
      lastMs = text === null ? Number.NaN : (parse(text) ?? Number.NaN);
      last = text;
    }
    times[row] = lastMs;
  }
  return times;
}

function groupRows(labels: readonly (readonly (string | null)[])[], timesMs: Float64Array): number[][] {
  const groups = new Map<string, number[]>();
  for (const [row, time] of timesMs.entries()) {
    if (Number.isNaN(time)) continue;
    // PostgreSQL's text holds no NUL, so that no two lists of labels give the same key.
    let key = "";
    for (const values of labels) {
      const value = values[row] ?? null;
      key += value === null ? "n" : `t${value}\0`;
    }
    const rows = groups.get(key);
    if (rows === undefined) groups.set(key, [row]);
    else rows.push(row);
  }
  return [...groups.values()];
}

function labelsOf(table: Table, labelColumns: readonly number[], row: number): Labels {
  const entries = labelColumns.flatMap((index): [string, string][] => {
    const column = table.columns[index];
    const value = table.values[index]?.[row] ?? null;
    if (column === undefined || value === null) return [];
    return [[column.name, column.kind === "boolean" ? String(value === "t") : value]];
  });
  return Object.fromEntries(entries);
}

/** Grafana draws series as they come and needs them ascending; most are already. The sort is stable. */
function ascending(rows: readonly number[], timesMs: Float64Array): readonly number[] {
  const timeOf = (row: number): number => timesMs[row] ?? Number.NaN;
  const sorted = rows.every((row, index) => index === 0 || timeOf(rows[index - 1] ?? row) <= timeOf(row));
  return sorted ? rows : rows.toSorted((left, right) => timeOf(left) - timeOf(right));
}

function droppedNotice(dropped: number, column: TableColumn): Notice {
  const rows = dropped === 1 ? "1 row has" : `${dropped} rows have`;
  return { severity: "warning", text: `${rows} no finite ${column.name} and cannot be part of a series` };
}
