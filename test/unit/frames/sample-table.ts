import { encodeTable } from "../../../src/frames/encode-table.ts";
import type { EncodeOptions } from "../../../src/frames/encoded-answer.ts";
import type { Format, Table, TableColumn, ValueKind } from "../../../src/types.ts";

/** A column for tests; `type` defaults to a usual type of the kind. */
export function column(name: string, kind: ValueKind, type = USUAL_TYPE[kind]): TableColumn {
  return { name, kind, type };
}

const USUAL_TYPE: Readonly<Record<ValueKind, string>> = {
  number: "double precision",
  time: "timestamp with time zone",
  epoch: "double precision",
  boolean: "boolean",
  json: "jsonb",
  array: "text[]",
  text: "text",
};

/** A table from rows, as tests like to write it. The time and tenant columns are found by name. */
export function tableOf(columns: readonly TableColumn[], rows: readonly (readonly (string | null)[])[]): Table {
  return {
    columns,
    values: columns.map((_, index) => rows.map((row) => row[index] ?? null)),
    rowCount: rows.length,
    tenantColumn: columns.findIndex((item) => item.name === "tenant"),
    timeColumn: columns.findIndex((item) => item.name === "time"),
  };
}

export const WHOLE: Omit<EncodeOptions, "format"> = {
  name: "q",
  notices: [],
  coverage: { expected: 2, answered: 2, failed: [], truncated: false },
  maxBytes: 64 * 1024 * 1024,
  onLimit: "cut",
};

export function bodyOf(table: Table, format: Format, options: Partial<EncodeOptions> = {}): string {
  return encodeTable(table, { ...WHOLE, ...options, format }).body.toString("utf8");
}

/** The JSON text of one value in one format. */
export function oneValue(
  kind: ValueKind,
  type: string,
  text: string | null,
  format: "rows" | "table" | "frame",
): unknown {
  const body: unknown = JSON.parse(bodyOf(tableOf([column("v", kind, type)], [[text]]), format));
  const first = Array.isArray(body) ? body[0] : undefined;
  if (format === "rows") return first.v;
  return format === "table" ? first.rows[0][0] : first.fields[0].values[0];
}
