import { parseTimeMs } from "../frames/epoch.ts";
import type { Table, TableColumn, ValueKind } from "../types.ts";
import type { ColumnValues } from "./column-values.ts";

export interface NamedColumn {
  readonly name: string;
  readonly type: string;
  readonly kind: ValueKind;
  /** Set where the values are timestamps and the reader was promised epoch seconds (`$__timeGroup`). */
  readonly timeGroupSeconds: number | null;
}

/** Grafana takes the column called `time` for the time, and a number in it for an epoch. */
const TIME_COLUMN = "time";

/** A column as an answer shows it, and what makes its text of PostgreSQL's (never NULL); null when that is the text. */
export interface ShownColumn {
  readonly column: TableColumn;
  readonly convert: ((text: string) => string | null) | null;
}

/** Grafana reads a number called `time` as an epoch; a `$__timeGroup` column of another name gets its epoch seconds. */
export function showColumn({ name, type, kind, timeGroupSeconds }: NamedColumn): ShownColumn {
  if (name === TIME_COLUMN) return { column: { name, type, kind: kind === "number" ? "epoch" : kind }, convert: null };
  return timeGroupSeconds === null
    ? { column: { name, type, kind }, convert: null }
    : { column: { name, type: "numeric", kind: "number" }, convert: toEpochSeconds };
}

/** Columns and their values as a table: finds the time column, and gives each column what `showColumn` says. */
export function makeTable(
  columns: readonly NamedColumn[],
  values: readonly ColumnValues[],
  options: { readonly tenantColumn: number },
): Table {
  const shown = columns.map(showColumn);
  return {
    columns: shown.map(({ column }) => column),
    values: values.map((column, index) => {
      const convert = shown[index]?.convert ?? null;
      return convert === null ? column : column.map((text) => (text === null ? null : convert(text)));
    }),
    rowCount: values[0]?.length ?? 0,
    tenantColumn: options.tenantColumn,
    timeColumn: findTimeColumn(shown.map(({ column }) => column)),
  };
}

/** The column called `time` if it holds times, otherwise the first that does, otherwise -1. */
export function findTimeColumn(columns: readonly { readonly name: string; readonly kind: ValueKind }[]): number {
  const named = columns.findIndex(
    ({ name, kind }) => name === TIME_COLUMN && (kind === "time" || kind === "epoch" || kind === "number"),
  );
  return named >= 0 ? named : columns.findIndex(({ kind }) => kind === "time");
}

function toEpochSeconds(text: string): string | null {
  const ms = parseTimeMs(text);
  return ms === null ? null : String(ms / 1000);
}
