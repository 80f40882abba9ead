import { describe, expect, it } from "vitest";
import { fillSeries } from "../../../src/merge/fill-series.ts";
import type { Fill } from "../../../src/sql/expand-macros.ts";
import type { Table } from "../../../src/types.ts";

const MINUTE_MS = 60_000;
const AT = Date.UTC(2026, 10, 22, 8);

function at(minute: number): string {
  return new Date(AT + minute * MINUTE_MS).toISOString().replace("T", " ").replace(".000Z", "+00");
}

function tableOf(rows: readonly (readonly [time: string, tenant: string, value: string | null])[]): Table {
  return {
    columns: [
      { name: "time", kind: "time", type: "timestamp with time zone" },
      { name: "tenant", kind: "text", type: "text" },
      { name: "value", kind: "number", type: "bigint" },
    ],
    values: [0, 1, 2].map((column) => rows.map((row) => row[column] ?? null)),
    rowCount: rows.length,
    tenantColumn: 1,
    timeColumn: 0,
  };
}

function filled(table: Table, value: Fill["value"], { fromMinute = 0, toMinute = 4, maxRows = 100 } = {}) {
  const range = { fromMs: AT + fromMinute * MINUTE_MS, toMs: AT + toMinute * MINUTE_MS };
  const result = fillSeries(table, { fill: { stepSeconds: 60, value }, range, maxRows });
  if (result === null) return null;
  const minutes = (result.values[0] ?? []).map(
    (time) => (Date.parse((time ?? "").replace(" ", "T").replace("+00", "Z")) - AT) / MINUTE_MS,
  );
  return minutes.map((minute, row) => [minute, result.values[1]?.[row], result.values[2]?.[row]]);
}

describe("fillSeries", () => {
  const table = tableOf([
    [at(1), "a", "10"],
    [at(3), "a", "30"],
    [at(2), "b", null],
  ]);

  it("fills every interval of each series with null, a number or the previous value, in order of time and tenant", () => {
    expect(filled(table, "null")).toEqual([
      [0, "a", null],
      [0, "b", null],
      [1, "a", "10"],
      [1, "b", null],
      [2, "a", null],
      [2, "b", null],
      [3, "a", "30"],
      [3, "b", null],
      [4, "a", null],
      [4, "b", null],
    ]);
    expect(filled(table, 0)?.filter(([, tenant]) => tenant === "a")).toEqual([
      [0, "a", "0"],
      [1, "a", "10"],
      [2, "a", "0"],
      [3, "a", "30"],
      [4, "a", "0"],
    ]);
    expect(filled(table, "previous")?.filter(([, tenant]) => tenant === "a")).toEqual([
      [0, "a", null],
      [1, "a", "10"],
      [2, "a", "10"],
      [3, "a", "30"],
      [4, "a", "30"],
    ]);
  });

  it("starts at the interval that holds the range's begin", () => {
    expect(filled(table, 0, { fromMinute: 0.5, toMinute: 1.5 })?.map(([minute]) => minute)).toEqual([0, 0, 1, 1, 2, 3]);
  });

  it("keeps the digits of a fill that is no whole number", () => {
    expect(filled(table, 0.5)?.[0]).toEqual([0, "a", "0.5"]);
  });

  it("fills times that are epochs in epochs", () => {
    const epochs: Table = {
      ...tableOf([[String(AT / 1000), "a", "1"]]),
      columns: tableOf([]).columns.map((column, index) =>
        index === 0 ? { ...column, kind: "epoch", type: "numeric" } : column,
      ),
    };
    const result = fillSeries(epochs, {
      fill: { stepSeconds: 60, value: "null" },
      range: { fromMs: AT, toMs: AT + MINUTE_MS },
      maxRows: 10,
    });
    expect(result?.values).toEqual([
      [String(AT / 1000), String(AT / 1000 + 60)],
      ["a", "a"],
      ["1", null],
    ]);
  });

  it("writes times as the column has them", () => {
    const local: Table = tableOf([["2026-11-22 08:00:00", "a", "1"]]);
    const range = { fromMs: AT, toMs: AT + 500 };
    const half = fillSeries(local, { fill: { stepSeconds: 0.5, value: 0 }, range, maxRows: 10 });
    expect(half?.values[0]).toEqual(["2026-11-22 08:00:00", "2026-11-22 08:00:00.5"]);
    const zoned = fillSeries(tableOf([[at(0), "a", "1"]]), {
      fill: { stepSeconds: 0.5, value: 0 },
      range,
      maxRows: 10,
    });
    expect(zoned?.values[0]).toEqual(["2026-11-22 08:00:00+00", "2026-11-22 08:00:00.5+00"]);
  });

  it("gives up where the rows would pass the limit, and leaves an empty table alone", () => {
    expect(filled(table, 0, { maxRows: 12 })).toBeNull();
    expect(filled(table, 0, { maxRows: 13 })).not.toBeNull();
    expect(filled(tableOf([]), 0)).toEqual([]);
  });
});
