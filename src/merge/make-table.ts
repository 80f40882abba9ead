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

/** Columns and their values as a table: finds the time column, and gives `$__timeGroup` columns of other names their epoch seconds. */
export function makeTable(
  columns: readonly NamedColumn[],
  values: readonly ColumnValues[],
  options: { readonly tenantColumn: number },
): Table {
  const shown = columns.map(({ name, type, kind, timeGroupSeconds }): TableColumn => {
    if (name === TIME_COLUMN && kind === "number") return { name, type, kind: "epoch" };
    return timeGroupSeconds !== null && name !== TIME_COLUMN
      ? { name, type: "numeric", kind: "number" }
      : { name, type, kind };
  });
  return {
    columns: shown,
    values: values.map((column, index) => {
      const definition = columns[index];
      return definition === undefined || definition.timeGroupSeconds === null || definition.name === TIME_COLUMN
        ? column
        : column.map(toEpochSeconds);
    }),
    rowCount: values[0]?.length ?? 0,
    tenantColumn: options.tenantColumn,
    timeColumn: findTimeColumn(shown),
  };
}

/** The column called `time` if it holds times, otherwise the first that does, otherwise -1. */
export function findTimeColumn(columns: readonly { readonly name: string; readonly kind: ValueKind }[]): number {
  const named = columns.findIndex(
    ({ name, kind }) => name === TIME_COLUMN && (kind === "time" || kind === "epoch" || kind === "number"),
  );
  return named >= 0 ? named : columns.findIndex(({ kind }) => kind === "time");
}

function toEpochSeconds(text: string | null): string | null {
  const ms = text === null ? null : parseTimeMs(text);
  return ms === null ? null : String(ms / 1000);
}
