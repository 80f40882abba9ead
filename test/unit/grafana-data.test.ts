import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Format, Table } from "../../src/types.ts";
import { bodyOf, column, tableOf } from "./frames/sample-table.ts";

// Its ESM build does not load in Node: moment-timezone has no named exports there.
const grafana: typeof import("@grafana/data") = createRequire(import.meta.url)("@grafana/data");
const { FieldType, getFieldDisplayName, LoadingState, preProcessPanelData, toDataFrame } = grafana;

/** What Grafana makes of a body on its way to a panel: the functions that its panels call. */
function framesOf(table: Table, format: Format, options: Parameters<typeof bodyOf>[2] = {}) {
  const elements: unknown[] = JSON.parse(bodyOf(table, format, options));
  const data = elements.map((element) => toDataFrame(element));
  const timeRange = grafana.getDefaultTimeRange();
  return preProcessPanelData({ state: LoadingState.Done, series: data, timeRange }).series;
}

const COLUMNS = [column("time", "time"), column("tenant", "text"), column("plan", "text"), column("value", "number")];

/** Rows with each (time, tenant) once, in any order. */
const rowsArbitrary = fc.uniqueArray(
  fc.record({
    minute: fc.integer({ min: 0, max: 50 }),
    tenant: fc.constantFrom("acme", "globex", 'in"itech'),
    value: fc.option(fc.integer({ min: -1_000, max: 1_000 })),
  }),
  { selector: (row) => `${row.minute}/${row.tenant}`, maxLength: 60, minLength: 1 },
);

const START = Date.UTC(2026, 10, 22, 8);

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ").replace("Z", "+00");
}

describe("Grafana reads", () => {
  it.each(["frame", "timeserie"] as const)("%s: the values, ascending, under their labels", (format) => {
    fc.assert(
      fc.property(rowsArbitrary, (rows) => {
        const table = tableOf(
          COLUMNS,
          rows.map((row) => [
            timeText(START + row.minute * 60_000),
            row.tenant,
            "pro",
            row.value === null ? null : String(row.value),
          ]),
        );
        const points = framesOf(table, format).flatMap((frame) => {
          const [time, value] = frame.fields;
          expect(time?.type).toBe(FieldType.time);
          expect(value?.labels?.plan).toBe("pro");
          const times: number[] = time?.values ?? [];
          expect(times).toEqual(times.toSorted((left, right) => left - right));
          return times.map((ms, index) => `${ms} ${value?.labels?.tenant} ${value?.values[index]}`);
        });
        const expected = rows.map((row) => `${START + row.minute * 60_000} ${row.tenant} ${row.value}`);
        expect(points.toSorted()).toEqual(expected.toSorted());
      }),
    );
  });

  it("names series by their labels", () => {
    const table = tableOf(COLUMNS, [
      ["2026-11-22", "acme", "pro", "1"],
      ["2026-11-22", "globex", "free", "2"],
    ]);
    for (const format of ["frame", "timeserie"] as const) {
      const frames = framesOf(table, format, { name: "requests" });
      const names = frames.map((frame) => frame.fields[1] && getFieldDisplayName(frame.fields[1], frame, frames));
      expect(names).toEqual(["acme pro", "globex free"]);
    }
  });

  it.each(["frame", "timeserie", "table"] as const)("%s: notices, on the first frame", (format) => {
    const notices = [{ severity: "warning" as const, text: "tenant initech: timeout" }];
    const [first] = framesOf(tableOf(COLUMNS, [["2026-11-22", "acme", "pro", "1"]]), format, {
      notices,
      executedSql: "SELECT 1",
    });
    expect(first?.meta?.notices).toEqual(notices);
    expect(first?.meta?.executedQueryString).toBe("SELECT 1");
    expect(first?.meta?.custom?.coverage).toEqual({ expected: 2, answered: 2, failed: [], truncated: false });
  });

  it.each(["frame", "table"] as const)("%s: the types of a table without series", (format) => {
    const table = tableOf(
      [
        column("seen", "time"),
        column("tenant", "text"),
        column("ok", "boolean"),
        column("n", "number"),
        column("tags", "array"),
      ],
      [
        [null, "acme", null, null, null],
        ["2026-11-22 08:00:00+00", "globex", "t", "1.5", "{a,b}"],
      ],
    );
    const [frame] = framesOf(table, format);
    expect(frame?.fields.map((field) => [field.name, field.type, field.values])).toEqual([
      ["seen", "time", [null, START]],
      ["tenant", "string", ["acme", "globex"]],
      ["ok", "boolean", [null, true]],
      ["n", "number", [null, 1.5]],
      ["tags", "string", [null, "{a,b}"]],
    ]);
  });

  it("an answer without rows as no data, with its notices", () => {
    const none = tableOf(COLUMNS, []);
    const notices = [{ severity: "error" as const, text: "no tenant answered" }];
    const [frame] = framesOf(none, "frame", { notices });
    expect(frame?.fields).toEqual([]);
    expect(frame?.meta?.notices).toEqual(notices);
    expect(framesOf(none, "timeserie")).toEqual([]);
  });
});
