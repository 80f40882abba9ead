import { describe, expect, test } from "vitest";
import { toAlertInput } from "../support/grafana/alerting.ts";
import { type DeclaredColumn, frameJson } from "../support/grafana/backend-frame.ts";
import { infinityQuerySchema, infinityRequest } from "../support/grafana/infinity.ts";
import { interpolate } from "../support/grafana/interpolate.ts";
import { jsonApiPath, jsonApiTargetSchema, parseJsonApi } from "../support/grafana/json-api.ts";
import { postProcess } from "../support/grafana/long-to-wide.ts";
import type { PanelContext, VariableValue } from "../support/grafana/panel-context.ts";
import { toPanelFrames } from "../support/grafana/panel-frames.ts";
import { metricNames } from "../support/grafana/prometheus.ts";
import { expandEnv } from "../support/grafana/provisioning.ts";
import { simpodPayload } from "../support/grafana/simpod.ts";

// The clients stand in for Grafana's plugins in other tests, so their own traps are held here.

const panel = (variables: Readonly<Record<string, VariableValue>> = {}): PanelContext => ({
  range: { fromMs: 1_763_798_400_000, toMs: 1_763_820_000_000 },
  intervalMs: 90_000,
  maxDataPoints: 1000,
  variables: new Map(Object.entries(variables)),
});

describe("variables in a panel", () => {
  const two = panel({ tenant: ["acme", "o'neil"] });

  test.each([
    ["$tenant", "{acme,o'neil}"],
    ["${tenant:csv}", "acme,o'neil"],
    ["${tenant:pipe}", "acme|o'neil"],
    ["${tenant:json}", '["acme","o\'neil"]'],
    ["${tenant:sqlstring}", "'acme','o''neil'"],
    ["${tenant:regex}", "(acme|o'neil)"],
    ["[[tenant:raw]]", "acme,o'neil"],
    ["$__interval of $__interval_ms", "1m of 90000"],
    ["${__from:date:iso}", "2025-11-22T08:00:00.000Z"],
    ["$<tenant>_orders, $<tenant:plan=pro>", "$<tenant>_orders, $<tenant:plan=pro>"],
    ["$__timeFilter(ts) $1 ${__timeFrom} $other", "$__timeFilter(ts) $1 ${__timeFrom} $other"],
  ])("%s becomes %s", (text, expected) => {
    expect(interpolate(text, two)).toBe(expected);
  });

  test("an allValue is put in as it is, a single value without braces", () => {
    expect(interpolate("${tenant:json}", panel({ tenant: { allValue: "*" } }))).toBe("*");
    expect(interpolate("$tenant", panel({ tenant: ["acme"] }))).toBe("acme");
  });
});

test("start-up expands environment variables in alert rules, and leaves $<tenant>", () => {
  const text =
    "$<tenant>_jobs $<tenant:plan=pro> $$__timeFilter(t) $${__timeFrom} {{ $$labels.tenant }} $TOKEN ${TOKEN} $GONE.";
  expect(expandEnv(text, { TOKEN: "x" })).toBe(
    "$<tenant>_jobs $<tenant:plan=pro> $__timeFilter(t) ${__timeFrom} {{ $labels.tenant }} x x .",
  );
});

describe("simPod", () => {
  test("fills the payload with JSON, without quotes round a single text", () => {
    const payload = simpodPayload(
      '{"tenants": ${tenant:json}, "sql": "SELECT $__interval_ms"}',
      panel({ tenant: ["a", "b"] }),
    );
    expect(payload).toEqual({ tenants: ["a", "b"], sql: "SELECT 90000" });
    expect(simpodPayload('{"like": "$text"}', panel({ text: "x" }))).toEqual({ like: "x" });
  });

  test("sends {} when several values stand inside quotes", () => {
    expect(simpodPayload('{"tenants": "${tenant}"}', panel({ tenant: ["a", "b"] }))).toEqual({});
  });
});

describe("Infinity", () => {
  const query = infinityQuerySchema.parse({
    refId: "A",
    type: "json",
    source: "url",
    parser: "backend",
    format: "timeseries",
    url: "/v1/query",
    url_options: {
      method: "GET",
      params: [
        { key: "sql", value: "SELECT $__interval_ms" },
        { key: "from", value: "${__timeFrom}" },
      ],
    },
    root_selector: "",
    columns: [],
  });
  const columns: readonly DeclaredColumn[] = [
    { selector: "time", text: "time", type: "timestamp_epoch" },
    { selector: "tenant", text: "tenant", type: "string" },
    { selector: "value", text: "value", type: "number" },
  ];
  const frame = async (rows: unknown) => postProcess(await frameJson(rows, "", columns), "timeseries");

  test("knows the interval in panels only, the range in both", () => {
    expect(infinityRequest(query, panel().range, panel()).path).toBe("/v1/query?from=1763798400000&sql=SELECT+90000");
    expect(infinityRequest(query, panel().range, null).path).toBe(
      "/v1/query?from=1763798400000&sql=SELECT+%24__interval_ms",
    );
  });

  test("orders undeclared columns by name and takes their type from the first value", async () => {
    const { fields } = await frameJson(
      [
        { b: null, a: 1 },
        { b: "2026-01-01T00:00:00Z", c: { d: 1 } },
      ],
      "",
      [],
    );
    expect(fields.map(({ name, type, values }) => [name, type, values])).toEqual([
      ["a", "number", [1, null]],
      ["b", "string", [null, "2026-01-01T00:00:00Z"]],
      ["c", "string", [null, '{"d":1}']],
    ]);
  });

  test("selects rows with JSONata; none are a frame without fields, which is NoData", async () => {
    const selector = '[$[0].meta.failed.{"tenant": tenant, "value": 1}]';
    const some = await frameJson([{ meta: { failed: [{ tenant: "a" }] } }], selector, []);
    expect(some.fields.map(({ values }) => values)).toEqual([["a"], [1]]);
    const none = postProcess(await frameJson([{ meta: { failed: [] } }], selector, []), "table");
    expect(toAlertInput(none)).toEqual([]);
  });

  test("makes a series of each tenant, with null where it has no row", async () => {
    const wide = await frame([
      { time: 1000, tenant: "a", value: 1 },
      { time: 1000, tenant: "b", value: "2" },
      { time: 2000, tenant: "b", value: 3 },
    ]);
    expect(toAlertInput(wide)).toEqual([
      { kind: "series", labels: { tenant: "a" }, values: [1, null] },
      { kind: "series", labels: { tenant: "b" }, values: [2, 3] },
    ]);
  });

  test.each([
    [
      "descending times",
      [
        { time: 2, tenant: "a", value: 1 },
        { time: 1, tenant: "b", value: 1 },
      ],
      "older than the row before",
    ],
    ["no time", [{ time: null, tenant: "a", value: 1 }], "has no time"],
    [
      "one series twice at a time",
      [
        { time: 1, tenant: "a", value: 1 },
        { time: 1, tenant: "a", value: 2 },
      ],
      "two rows at 1",
    ],
  ])("fails where Grafana would go on with wrong data: %s", async (_, rows, message) => {
    await expect(frame(rows)).rejects.toThrow(message);
  });

  test("alerting takes one value column, and no time but in series", async () => {
    const twoValues = postProcess(await frameJson([{ tenant: "a", p50: 1, p95: 2 }], "", []), "table");
    expect(() => toAlertInput(twoValues)).toThrow("one value column");
    const withTime = postProcess(await frameJson([{ time: 1, tenant: "a", value: 2 }], "", columns), "table");
    expect(() => toAlertInput(withTime)).toThrow("looks like time series data");
  });
});

describe("JSON API", () => {
  const target = jsonApiTargetSchema.parse({
    refId: "A",
    method: "GET",
    urlPath: "//v1//query",
    params: [
      ["tenants", "$tenant"],
      ["from", "$__unixEpochFrom()"],
    ],
    fields: [
      { jsonPath: "$[*].time", language: "jsonpath", name: "time", type: "time" },
      { jsonPath: "$.tenant", language: "jsonata", name: "tenant" },
      { jsonPath: "$[*].value", language: "jsonpath", name: "value" },
    ],
    experimentalGroupByField: "tenant",
    experimentalMetricField: "value",
  });

  test("puts everything into the URL", () => {
    expect(jsonApiPath(target, panel({ tenant: ["a", "b"] }))).toBe("/v1/query?tenants=%7Ba%2Cb%7D&from=1763798400");
  });

  test("makes a frame for each value of the group field", async () => {
    const frames = await parseJsonApi(target, [
      { time: 1_763_798_400, tenant: "a", value: 1 },
      { time: 1_763_798_400_000, tenant: "b", value: null },
    ]);
    expect(frames).toEqual([
      {
        name: "a",
        fields: [
          { name: "time", type: "time", values: [1_763_798_400_000] },
          { name: "value", type: "number", values: [1] },
        ],
      },
      {
        name: "b",
        fields: [
          { name: "time", type: "time", values: [1_763_798_400_000] },
          { name: "value", type: "number", values: [null] },
        ],
      },
    ]);
  });

  test("refuses rows that lack a key", async () => {
    await expect(
      parseJsonApi(target, [
        { time: 1, tenant: "a", value: 1 },
        { time: 2, tenant: "a" },
      ]),
    ).rejects.toThrow("Fields have different lengths");
  });
});

test("panels take frames with labels and notices, and nothing but an array", () => {
  const [frame] = toPanelFrames([
    {
      name: "orders",
      meta: { notices: [{ severity: "warning", text: "tenant_7 is left out" }] },
      fields: [
        { name: "time", type: "time", values: [1] },
        { name: "value", type: "number", labels: { tenant: "a" }, values: [2] },
      ],
    },
  ]);
  expect(frame?.fields[1]?.labels).toEqual({ tenant: "a" });
  expect(frame?.meta?.notices?.[0]?.text).toBe("tenant_7 is left out");
  expect(() => toPanelFrames({ fields: [] })).toThrow("must be an array");
});

test("metric names are found in PromQL", () => {
  expect(metricNames('sum by (le, cache) (rate(a_bucket{x="y"}[5m])) / on (z) (b > 0) or vector(0)')).toEqual([
    "a_bucket",
    "b",
  ]);
  expect(metricNames("topk(10, c_total) unless d offset 5m")).toEqual(["c_total", "d"]);
});
