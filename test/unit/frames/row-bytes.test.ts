import { Buffer } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTimeMs, usualTimeMs } from "../../../src/frames/epoch.ts";
import { type ByteWriter, createRowWriter } from "../../../src/frames/row-bytes.ts";
import type { TableColumn } from "../../../src/types.ts";
import { bodyOf, column, tableOf } from "./sample-table.ts";

type Value = string | null;

/** The body of the protocol's DataRow. */
function dataRow(values: readonly Value[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(values.length);
  const parts = values.map((value) => {
    const bytes = value === null ? Buffer.alloc(0) : Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return Buffer.concat([count, ...parts]);
}

/** The lines that rows become, each row standing somewhere inside a larger piece of the server's bytes. */
function linesOf(columns: readonly TableColumn[], rows: readonly (readonly Value[])[]): string {
  const writeRow = createRowWriter(columns.map((shown) => ({ column: shown, convert: null })));
  const writer: ByteWriter = { buffer: Buffer.allocUnsafe(8), length: 0 };
  for (const row of rows)
    writeRow(Buffer.concat([Buffer.from("before"), dataRow(row), Buffer.from("after")]), 6, writer);
  return writer.buffer.toString("utf8", 0, writer.length);
}

const COLUMNS = [
  column("n", "number", "bigint"),
  column("v", "number"),
  column("at", "time"),
  column("time", "epoch"),
  column("ok", "boolean"),
  column("doc", "json"),
  column("tags", "array"),
  column('a "b" é', "text"),
];

const number = fc.oneof(
  fc.bigInt().map(String),
  fc.double().map(String),
  fc.constantFrom("NaN", "Infinity", "-Infinity", "-0", "1e-300", "123456789012345678901234567890.5"),
);
const instant = fc.integer({ min: -4e12, max: 8e12 }).chain((ms) => {
  const iso = new Date(ms).toISOString().replace("T", " ").replace("Z", "");
  return fc.constantFrom(iso, `${iso}456+00`, `${iso.slice(0, 19)}+00`, `${iso.slice(0, 21)}+00`, iso.slice(0, 10));
});
const unusual = fc.constantFrom(
  "infinity",
  "-infinity",
  "0044-03-15 12:00:00+00 BC",
  "12026-01-01 00:00:00+00",
  "2026-01-01 00:00:00+02",
);
const time = fc.oneof(instant, unusual);
const text = fc
  .string({ unit: "binary", maxLength: 60 })
  .map((value) => Buffer.from(value).toString().replaceAll("\0", ""));
const orNull = (value: fc.Arbitrary<string>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) });
const row = fc.tuple(
  orNull(fc.bigInt().map(String)),
  orNull(number),
  orNull(time),
  orNull(fc.integer({ min: 0, max: 4e9 }).map(String)),
  orNull(fc.constantFrom("t", "f")),
  orNull(fc.json()),
  orNull(fc.constantFrom("{}", '{a,"b c",NULL}', '{"x\\"y"}', "{{1,2},{3,4}}")),
  orNull(text),
);

test("bytes become the very lines that values become", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), (rows) => {
      const whole = bodyOf(tableOf(COLUMNS, rows), "ndjson");
      expect(linesOf(COLUMNS, rows)).toBe(whole.slice(0, whole.lastIndexOf('{"coverage"')));
    }),
    { numRuns: 500 },
  );
});

test("a column that is shown as another type is converted first", () => {
  const writeRow = createRowWriter([
    { column: column("bucket", "number"), convert: (value) => (value === "x" ? null : `${value}0`) },
  ]);
  const writer: ByteWriter = { buffer: Buffer.alloc(0), length: 0 };
  for (const value of ["1", "x", null]) writeRow(dataRow([value]), 0, writer);
  expect(writer.buffer.toString("utf8", 0, writer.length)).toBe('{"bucket":10}\n{"bucket":null}\n{"bucket":null}\n');
});

test("rows without columns are empty objects", () => {
  expect(linesOf([], [[], []])).toBe("{}\n{}\n");
});

test("times read from bytes are those read from text, or not read", () => {
  fc.assert(
    fc.property(fc.oneof(time, fc.string({ maxLength: 30 })), (value) => {
      const bytes = Buffer.from(`..${value}..`);
      const ms = usualTimeMs(bytes, 2, bytes.length - 2);
      if (!Number.isNaN(ms) && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.test(value)) expect(ms).toBe(parseTimeMs(value));
    }),
    { numRuns: 2_000 },
  );
  expect(usualTimeMs(Buffer.from("2026-01-01 00:00:00.5+00"), 0, 24)).toBe(Date.UTC(2026, 0, 1) + 500);
  expect(usualTimeMs(Buffer.from("2026-01-01"), 0, 10)).toBeNaN();
});
