import type { Coverage, Notice, Table } from "../types.ts";
import { coverageRecord, type EncodedAnswer, type EncodeOptions, JSON_TYPE, rowsAnswer } from "./encoded-answer.ts";
import { type EncodeValue, quoteJson } from "./json-text.ts";
import { writeRows } from "./size-limit.ts";
import { jsonEncoder } from "./value-json.ts";

export const NDJSON_TYPE = "application/x-ndjson; charset=utf-8";

/** `[{"time":…,"tenant":…},…]`: every key in every row, `[]` for no rows. */
export function encodeRows(table: Table, options: EncodeOptions): EncodedAnswer {
  const encodeRow = rowObjectEncoder(table, "rows");
  const written = writeRows(
    {
      rowCount: table.rowCount,
      head: "[",
      encodeRow: (row) => (row === 0 ? encodeRow(row) : `,${encodeRow(row)}`),
      tail: () => "]",
    },
    options,
  );
  return rowsAnswer(JSON_TYPE, written, options.coverage);
}

/** A line for each row object; the last line is the coverage, so that a reader can tell an end from an abort, and all rows from some. */
export function encodeNdjson(table: Table, options: EncodeOptions): EncodedAnswer {
  const encodeRow = rowObjectEncoder(table, "ndjson");
  const written = writeRows(
    {
      rowCount: table.rowCount,
      head: "",
      encodeRow: (row) => `${encodeRow(row)}\n`,
      tail: (cut) => coverageLine(options.coverage, cut),
    },
    options,
  );
  return rowsAnswer(NDJSON_TYPE, written, options.coverage);
}

/** The last line of ndjson. */
export function coverageLine(coverage: Coverage, cut?: Notice): string {
  return `${JSON.stringify({ coverage: coverageRecord(coverage, cut) })}\n`;
}

interface Cell {
  /** All that stands before the value: brace or comma, key, colon. */
  readonly before: string;
  readonly values: readonly (string | null)[];
  readonly encode: EncodeValue;
}

/** Rows as JSON objects. Keys are quoted and encoders chosen once per column; values go from wire text to JSON text. */
function rowObjectEncoder(table: Table, format: "rows" | "ndjson"): (row: number) => string {
  const cells = table.columns.map(
    (column, index): Cell => ({
      before: `${index === 0 ? "{" : ","}${quoteJson(column.name)}:`,
      values: table.values[index] ?? [],
      encode: jsonEncoder(column, format),
    }),
  );
  if (cells.length === 0) return () => "{}";
  return (row) => {
    let text = "";
    for (const cell of cells) {
      const value = cell.values[row] ?? null;
      text += cell.before + (value === null ? "null" : cell.encode(value));
    }
    return `${text}}`;
  };
}
