import { describe, expect, it } from "vitest";
import { encodeTable } from "../../../src/frames/encode-table.ts";
import type { EncodeOptions } from "../../../src/frames/encoded-answer.ts";
import { FORMATS } from "../../../src/types.ts";
import { bodyOf, column, tableOf, WHOLE } from "./sample-table.ts";

const EIGHT = Date.UTC(2026, 10, 22, 8);
const REQUESTS = tableOf(
  [column("time", "time"), column("tenant", "text"), column("value", "number", "bigint")],
  [
    ["2026-11-22 08:01:00+00", "acme", "2"],
    ["2026-11-22 08:00:00+00", "acme", "1"],
    ["2026-11-22 08:00:00+00", "globex", null],
  ],
);
const ANSWER: Partial<EncodeOptions> = {
  name: "requests",
  notices: [{ severity: "warning", text: "tenant initech: no answer within 10s" }],
  coverage: {
    expected: 3,
    answered: 2,
    failed: [{ tenant: "initech", reason: "timeout", detail: "no answer within 10s" }],
    truncated: false,
  },
  executedSql: "SELECT 1",
};
const META = {
  notices: ANSWER.notices,
  custom: { coverage: ANSWER.coverage },
  executedQueryString: "SELECT 1",
};

describe("formats", () => {
  it("rows", () => {
    expect(JSON.parse(bodyOf(REQUESTS, "rows"))).toEqual([
      { time: EIGHT + 60_000, tenant: "acme", value: 2 },
      { time: EIGHT, tenant: "acme", value: 1 },
      { time: EIGHT, tenant: "globex", value: null },
    ]);
  });

  it("ndjson ends with the coverage", () => {
    const lines = bodyOf(REQUESTS, "ndjson", ANSWER).split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[4]).toBe("");
    expect(JSON.parse(lines[2] ?? "")).toEqual({ time: EIGHT, tenant: "globex", value: null });
    expect(JSON.parse(lines[3] ?? "")).toEqual({ coverage: ANSWER.coverage });
  });

  it("csv tells NULL from the empty text", () => {
    const table = tableOf(
      [column('a "x"', "text"), column("b", "boolean"), column("c", "number")],
      [
        ["", "t", "NaN"],
        [null, null, "1.50"],
        ["a,b\nc", "f", null],
      ],
    );
    expect(bodyOf(table, "csv")).toBe('"a ""x""",b,c\r\n"",true,\r\n,,1.50\r\n"a,b\nc",false,\r\n');
  });

  it("csv doubles the quotes of a long text as those of a short one", () => {
    const body = bodyOf(tableOf([column("a", "text")], [[`x"${"y".repeat(5_000)}"`]]), "csv");
    expect(body).toBe(`a\r\n"x""${"y".repeat(5_000)}"""\r\n`);
  });

  it("table", () => {
    expect(JSON.parse(bodyOf(REQUESTS, "table", ANSWER))).toEqual([
      {
        type: "table",
        name: "requests",
        columns: [
          { text: "time", type: "time" },
          { text: "tenant", type: "string" },
          { text: "value", type: "number" },
        ],
        rows: [
          [EIGHT + 60_000, "acme", 2],
          [EIGHT, "acme", 1],
          [EIGHT, "globex", null],
        ],
        meta: META,
      },
    ]);
  });

  it("timeserie: a series for each label set, ascending, meta in the first", () => {
    expect(JSON.parse(bodyOf(REQUESTS, "timeserie", ANSWER))).toEqual([
      {
        target: "acme",
        title: "acme",
        tags: { tenant: "acme" },
        datapoints: [
          [1, EIGHT],
          [2, EIGHT + 60_000],
        ],
        meta: META,
      },
      { target: "globex", title: "globex", tags: { tenant: "globex" }, datapoints: [[null, EIGHT]] },
    ]);
  });

  it("frame: a frame for each label set, ascending, meta in the first", () => {
    const type = { type: "timeseries-multi", typeVersion: [0, 1] };
    const value = (tenant: string, values: readonly (number | null)[]) => ({
      name: "value",
      type: "number",
      labels: { tenant },
      config: { displayNameFromDS: tenant },
      values,
    });
    expect(JSON.parse(bodyOf(REQUESTS, "frame", ANSWER))).toEqual([
      {
        name: "requests",
        meta: { ...type, ...META },
        fields: [{ name: "time", type: "time", values: [EIGHT, EIGHT + 60_000] }, value("acme", [1, 2])],
      },
      {
        name: "requests",
        meta: type,
        fields: [{ name: "time", type: "time", values: [EIGHT] }, value("globex", [null])],
      },
    ]);
  });

  it("frame: one frame with all columns where there are no series", () => {
    const table = tableOf(
      [column("tenant", "text"), column("ok", "boolean"), column("n", "number")],
      [["acme", "t", "1"]],
    );
    expect(JSON.parse(bodyOf(table, "frame"))).toEqual([
      {
        name: "q",
        meta: { custom: { coverage: WHOLE.coverage } },
        fields: [
          { name: "tenant", type: "string", values: ["acme"] },
          { name: "ok", type: "boolean", values: [true] },
          { name: "n", type: "number", values: [1] },
        ],
      },
    ]);
  });

  it("frame: labels are all columns but times and numbers; several values are told apart by name", () => {
    const table = tableOf(
      [
        column("time", "time"),
        column("tenant", "text"),
        column("ok", "boolean"),
        column("p50", "number"),
        column("p95", "number"),
      ],
      [
        ["2026-11-22", "acme", "t", "1", "2"],
        ["2026-11-22", null, "f", "3", "4"],
        ["2026-11-22", "", "f", "5", "6"],
      ],
    );
    const frames: { fields: { labels?: unknown; config?: { displayNameFromDS: string } }[] }[] = JSON.parse(
      bodyOf(table, "frame"),
    );
    expect(frames.map((frame) => frame.fields[1]?.labels)).toEqual([
      { tenant: "acme", ok: "true" },
      { ok: "false" },
      { tenant: "", ok: "false" },
    ]);
    expect(frames[0]?.fields.map((field) => field.config?.displayNameFromDS)).toEqual([
      undefined,
      "acme true p50",
      "acme true p95",
    ]);
  });

  it("leaves rows without a time out of series and says so", () => {
    const table = tableOf(
      [column("time", "time"), column("v", "number")],
      [
        [null, "1"],
        ["infinity", "2"],
        ["2026-11-22", "3"],
      ],
    );
    const text = "2 rows have no finite time and cannot be part of a series";
    for (const format of ["frame", "timeserie"] as const) {
      const encoded = encodeTable(table, { ...WHOLE, format });
      expect(encoded.notices).toEqual([{ severity: "warning", text }]);
      expect(JSON.parse(encoded.body.toString())[0].meta.notices).toEqual([{ severity: "warning", text }]);
    }
    expect(JSON.parse(bodyOf(table, "timeserie"))[0].datapoints).toEqual([[3, EIGHT - 8 * 3_600_000]]);
  });

  it("timeserie gives a table, with a notice, where rows cannot be series", () => {
    const table = tableOf([column("tenant", "text"), column("n", "number")], [["acme", "1"]]);
    const [element] = JSON.parse(bodyOf(table, "timeserie"));
    expect(element).toMatchObject({ type: "table", rows: [["acme", 1]] });
    expect(element.meta.notices[0].text).toContain("shown as a table");
  });

  it("without rows", () => {
    const none = tableOf(REQUESTS.columns, []);
    expect(bodyOf(none, "rows")).toBe("[]");
    expect(bodyOf(none, "timeserie")).toBe("[]");
    expect(bodyOf(none, "csv")).toBe("time,tenant,value\r\n");
    expect(JSON.parse(bodyOf(none, "frame", ANSWER))).toEqual([{ name: "requests", meta: META, fields: [] }]);
    expect(JSON.parse(bodyOf(none, "table"))[0].rows).toEqual([]);
    expect(bodyOf(none, "ndjson").split("\n")).toHaveLength(2);
  });

  it("without columns", () => {
    const table = { ...tableOf([], []), rowCount: 2 };
    expect(bodyOf(table, "rows")).toBe("[{},{}]");
    expect(JSON.parse(bodyOf(table, "table"))[0].rows).toEqual([[], []]);
    expect(JSON.parse(bodyOf(table, "frame"))[0].fields).toEqual([]);
  });

  it("names each column once", () => {
    const names = ["n", "n", "n_1", "n", "__proto__", "__proto__"];
    const table = tableOf(
      names.map((name) => column(name, "number")),
      [["1", "2", "3", "4", "5", "6"]],
    );
    expect(bodyOf(table, "csv").split("\r\n")[0]).toBe("n,n_2,n_1,n_3,__proto__,__proto___1");
    expect(Object.keys(JSON.parse(bodyOf(table, "rows"))[0])).toHaveLength(6);
  });

  it.each(FORMATS)("%s: elements are the extents of the array's members", (format) => {
    const { body, elements } = encodeTable(REQUESTS, { ...WHOLE, ...ANSWER, name: "añfragen", format });
    const isArrayOfFrames = format === "frame" || format === "timeserie" || format === "table";
    expect(elements.length > 0).toBe(isArrayOfFrames);
    if (!isArrayOfFrames) return;
    const members = elements.map(({ start, end }) => JSON.parse(body.subarray(start, end).toString()));
    expect(members).toEqual(JSON.parse(body.toString()));
  });
});
