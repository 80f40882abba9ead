import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Table, TableColumn } from "../../../src/types.ts";
import { bodyOf, column, tableOf } from "./sample-table.ts";

/** A value as PostgreSQL would print it, and as plain JavaScript would read it. */
interface Value {
  readonly text: string | null;
  readonly plain: unknown;
}

interface GeneratedColumn {
  readonly column: TableColumn;
  readonly values: readonly Value[];
}

const text = fc.string({ unit: "binary", maxLength: 12 }).map((value) => value.replaceAll("\0", ""));
const nil: Value = { text: null, plain: null };

const arbitraries = {
  number: fc.oneof(
    fc.maxSafeInteger().map((value) => ({ text: String(value), plain: value })),
    fc.double().map((value) => ({ text: String(value), plain: Number.isFinite(value) ? value : null })),
  ),
  time: fc
    .integer({ min: -2e12, max: 4e12 })
    .map((ms) => ({ text: new Date(ms).toISOString().replace("T", " ").replace("Z", "+00"), plain: ms })),
  boolean: fc.boolean().map((value) => ({ text: value ? "t" : "f", plain: value })),
  json: fc.jsonValue().map((value) => ({ text: JSON.stringify(value), plain: JSON.parse(JSON.stringify(value)) })),
  text: text.map((value) => ({ text: value, plain: value })),
};

const name = fc.oneof(fc.constantFrom("time", "tenant", "value", "__proto__", 'a "b"', "é"), text);

/** Columns with different names and as many values each as the table has rows. */
const generated: fc.Arbitrary<readonly GeneratedColumn[]> = fc.integer({ min: 0, max: 12 }).chain((rows) => {
  const columnOf = fc.constantFrom("number", "time", "boolean", "json", "text").chain((kind) =>
    fc.record({
      column: name.map((title) => column(title, kind)),
      values: fc.array(
        fc.oneof({ weight: 1, arbitrary: fc.constant(nil) }, { weight: 5, arbitrary: arbitraries[kind] }),
        {
          minLength: rows,
          maxLength: rows,
        },
      ),
    }),
  );
  return fc.uniqueArray(columnOf, { minLength: 1, maxLength: 6, selector: (item) => item.column.name });
});

function tableFrom(columns: readonly GeneratedColumn[]): Table {
  const rowCount = columns[0]?.values.length ?? 0;
  const rows = Array.from({ length: rowCount }, (_, row) => columns.map((item) => item.values[row]?.text ?? null));
  return tableOf(
    columns.map((item) => item.column),
    rows,
  );
}

/** The answer built the plain way: objects first, then JSON. */
function plainRows(columns: readonly GeneratedColumn[]): unknown {
  const rowCount = columns[0]?.values.length ?? 0;
  const rows = Array.from({ length: rowCount }, (_, row) =>
    Object.fromEntries(columns.map((item) => [item.column.name, item.values[row]?.plain ?? null])),
  );
  return JSON.parse(JSON.stringify(rows));
}

describe("random tables", () => {
  it("rows are what objects and JSON.stringify give", () => {
    fc.assert(
      fc.property(generated, (columns) => {
        expect(JSON.parse(bodyOf(tableFrom(columns), "rows"))).toEqual(plainRows(columns));
      }),
    );
  });

  it("ndjson has the same rows, one a line", () => {
    fc.assert(
      fc.property(generated, (columns) => {
        const lines = bodyOf(tableFrom(columns), "ndjson").split("\n").slice(0, -2);
        expect(lines.map((line) => JSON.parse(line))).toEqual(plainRows(columns));
      }),
    );
  });

  it("csv reads back field by field", () => {
    fc.assert(
      fc.property(generated, (columns) => {
        const table = tableFrom(columns);
        const [header, ...records] = readCsv(bodyOf(table, "csv"));
        expect(header).toEqual(table.columns.map((item) => item.name));
        const expected = Array.from({ length: table.rowCount }, (_, row) =>
          columns.map((item) => csvField(item.column, item.values[row] ?? nil)),
        );
        expect(records).toEqual(expected);
      }),
    );
  });
});

function csvField(item: TableColumn, value: Value): string | null {
  if (value.text === null) return null;
  if (item.kind === "text" || item.kind === "json") return value.text;
  if (item.kind === "number") return value.plain === null ? null : value.text;
  return String(value.plain);
}

/** RFC 4180, written from the RFC and not from the encoder. An unquoted empty field is null. */
function readCsv(csv: string): (string | null)[][] {
  const records: (string | null)[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  let record: (string | null)[] = [];
  while (field.lastIndex < csv.length) {
    const match = field.exec(csv);
    if (match === null) throw new Error(`no CSV after ${JSON.stringify(records.at(-1))}`);
    record.push(match[1] === undefined ? match[2] || null : match[1].replaceAll('""', '"'));
    if (match[3] === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}
