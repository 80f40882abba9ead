import type { Table, TableColumn } from "../types.ts";
import { type EncodedAnswer, type EncodeOptions, rowsAnswer } from "./encoded-answer.ts";
import { writeRows } from "./size-limit.ts";
import { jsonEncoder } from "./value-json.ts";

const CSV_TYPE = "text/csv; charset=utf-8; header=present";

/** RFC 4180 with a header. NULL is an empty field, an empty text `""`; times are epoch milliseconds. */
export function encodeCsv(table: Table, options: EncodeOptions): EncodedAnswer {
  const cells = table.columns.map((column, index) => ({
    values: table.values[index] ?? [],
    encode: fieldEncoder(column),
  }));
  const encodeRow = (row: number): string => {
    let line = "";
    for (const [index, cell] of cells.entries()) {
      const value = cell.values[row] ?? null;
      line += (index === 0 ? "" : ",") + (value === null ? "" : cell.encode(value));
    }
    return `${line}\r\n`;
  };
  const head = `${table.columns.map((column) => quoteField(column.name)).join(",")}\r\n`;
  const written = writeRows({ rowCount: table.rowCount, head, encodeRow, tail: () => "" }, options);
  return rowsAnswer(CSV_TYPE, written, options.coverage);
}

function fieldEncoder(column: TableColumn): (text: string) => string {
  if (column.kind === "text" || column.kind === "json" || column.kind === "array") return quoteField;
  const encode = jsonEncoder(column, "csv");
  return (text) => {
    const json = encode(text);
    return json === "null" ? "" : json;
  };
}

/** From here on splitting is up to five times as fast as `replaceAll`, measured with 16 MB of quotes; below, it is up to four times as slow. */
const LONG_TEXT = 4096;

function quoteField(text: string): string {
  if (text !== "" && !/[",\r\n]/.test(text)) return text;
  return `"${text.length < LONG_TEXT ? text.replaceAll('"', '""') : text.split('"').join('""')}"`;
}
