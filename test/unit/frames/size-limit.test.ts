import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { encodeTable } from "../../../src/frames/encode-table.ts";
import { FORMATS, type Format } from "../../../src/types.ts";
import { column, tableOf, WHOLE } from "./sample-table.ts";

const ROWS = 20_000;
const TABLE = tableOf(
  [column("time", "time"), column("tenant", "text"), column("value", "number")],
  Array.from({ length: ROWS }, (_, row) => [
    new Date(1_763_805_600_000 + Math.floor(row / 80) * 60_000).toISOString().slice(0, 19).replace("T", " "),
    `mandant-ü-${row % 80}`,
    String(row * 1.5),
  ]),
);

function encoded(format: Format, maxBytes: number, onLimit: "cut" | "refuse" = "cut") {
  return encodeTable(TABLE, { ...WHOLE, format, maxBytes, onLimit });
}

function rowsIn(format: Format, body: string): number {
  if (format === "csv") return body.split("\r\n").length - 2;
  if (format === "ndjson")
    return (
      body
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)).length - 1
    );
  const array = JSON.parse(body);
  if (format === "rows") return array.length;
  if (format === "table") return array[0].rows.length;
  const lengths: number[] = array.map(
    (element: { datapoints?: unknown[]; fields?: { values: unknown[] }[] }) =>
      element.datapoints?.length ?? element.fields?.[0]?.values.length ?? 0,
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}

describe.each(FORMATS)("%s beyond the limit", (format) => {
  const whole = encoded(format, 1e9);

  it("leaves an answer of exactly the limit alone", () => {
    const exact = encoded(format, whole.body.length);
    expect(exact.body.equals(whole.body)).toBe(true);
    expect(exact.cutNotice).toBeUndefined();
    expect(exact.truncated).toBe(false);
    expect(exact.rows).toBe(ROWS);
  });

  it.each([1, 60, 1_000, 100_000, 300_000])("cuts whole rows when the limit is %d bytes below the whole", (less) => {
    const maxBytes = whole.body.length - less;
    const cut = encoded(format, maxBytes);
    expect(cut.body.length).toBeLessThanOrEqual(maxBytes);
    expect(cut.rows).toBeLessThan(ROWS);
    // Frames have a fixed part for each series, which weighs more the fewer rows there are.
    expect(cut.rows).toBeGreaterThan(0.8 * ROWS * (maxBytes / whole.body.length));
    expect(rowsIn(format, cut.body.toString())).toBe(cut.rows);
    expect(cut.cutNotice?.text).toContain(`${cut.rows} of ${ROWS} rows`);
    expect(cut.notices).toEqual([cut.cutNotice]);
    expect(cut.truncated).toBe(true);
  });

  it("keeps what stands around the rows when not one row fits", () => {
    const empty = encoded(format, 1);
    expect(empty.rows).toBe(0);
    expect(rowsIn(format, empty.body.toString())).toBe(0);
  });

  it("refuses instead, with a hint, when rows may not be cut", () => {
    const refuse = () => encoded(format, 1_000, "refuse");
    expect(refuse).toThrow(AppError);
    expect(refuse).toThrow(
      expect.objectContaining({ code: "RESULT_TOO_LARGE", hint: expect.stringContaining("aggregate") }),
    );
    expect(encoded(format, whole.body.length, "refuse").rows).toBe(ROWS);
  });
});

describe("a cut answer", () => {
  it.each(["frame", "timeserie", "table"] as const)("says so in the first element's coverage: %s", (format) => {
    const truncated = (maxBytes: number) =>
      JSON.parse(encoded(format, maxBytes).body.toString())[0].meta.custom.coverage.truncated;
    expect([truncated(1e9), truncated(50_000)]).toEqual([false, true]);
  });

  it("says so in the last line: ndjson", () => {
    const lines = encoded("ndjson", 50_000).body.toString().trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ coverage: { truncated: true } });
  });

  it.each(FORMATS)("stays one when its rows were cut before: %s", (format) => {
    const coverage = { ...WHOLE.coverage, truncated: true };
    const whole = encodeTable(TABLE, { ...WHOLE, format, coverage });
    expect([whole.truncated, whole.cutNotice]).toEqual([true, undefined]);
    const inBody = ["frame", "timeserie", "table", "ndjson"].includes(format);
    expect(whole.body.includes('"truncated":true')).toBe(inBody);
  });
});

describe("the notice of a cut", () => {
  it.each(["frame", "timeserie", "table"] as const)("is in the first element's meta: %s", (format) => {
    const cut = encoded(format, 50_000);
    expect(JSON.parse(cut.body.toString())[0].meta.notices).toEqual([cut.cutNotice]);
  });

  it("does not cost an answer of uneven rows more than a few passes", () => {
    const values = Array.from({ length: 50_000 }, (_, row) => (row < 10 ? "x".repeat(100_000) : "y"));
    const uneven = tableOf(
      [column("v", "text")],
      values.map((value) => [value]),
    );
    const cut = encodeTable(uneven, { ...WHOLE, format: "frame", maxBytes: 950_000, onLimit: "cut" });
    expect(cut.body.length).toBeLessThanOrEqual(950_000);
  });
});
