import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { AppError } from "../../../src/errors.ts";
import { createExporter } from "../../../src/exporter/exporter.ts";
import type { Observation } from "../../../src/observation.ts";
import type { Answer, Principal, QueryRequest, QueryService } from "../../../src/types.ts";
import { readExposition } from "../observe/read-exposition.ts";

const NOW = Date.UTC(2026, 10, 22, 8, 0, 30);
const LAG = { sql: "SELECT 1 AS value", description: "Lag", export: { name: "lag_seconds" } };

function answer(rows: unknown): Answer {
  return {
    contentType: "application/json; charset=utf-8",
    body: Buffer.from(JSON.stringify(rows)),
    elements: [],
    coverage: { expected: 3, answered: 2, failed: [], truncated: false },
    notices: [],
    cache: "miss",
    ageSeconds: 0,
    timings: new Map(),
  };
}

/** An exporter over a service that answers each query with what `answers` gives for its SQL. */
function exporterOver(
  queries: Readonly<Record<string, object>>,
  answers: (request: QueryRequest, signal: AbortSignal) => Promise<Answer> | Answer,
) {
  const config = configSchema.parse({ federation: { url: "postgres://localhost/federation" }, queries });
  const requests: QueryRequest[] = [];
  const principals: Principal[] = [];
  const observations: Observation[] = [];
  const service: Pick<QueryService, "run"> = {
    run: async (request, principal, signal) => {
      requests.push(request);
      principals.push(principal);
      signal.throwIfAborted();
      return answers(request, signal);
    },
  };
  const exporter = createExporter({
    queries: config.queries,
    service,
    defaults: { cacheTtlMs: 10_000, deadlineMs: 30_000 },
    observe: (observation) => observations.push(observation),
    now: () => NOW,
  });
  return { exporter, requests, principals, observations };
}

async function samplesOf(text: Promise<string>): Promise<readonly string[]> {
  return readExposition(await text).samples.map(
    ({ name, labels, value }) => `${name} ${JSON.stringify(labels)} ${value}`,
  );
}

describe("exporter", () => {
  it("turns rows into samples and says how many tenants they cover", async () => {
    const { exporter, observations } = exporterOver({ lag: LAG, plain: { sql: "SELECT 1" } }, () =>
      answer([
        { tenant: 'a "quoted"\\', value: 1.5 },
        { tenant: "b", value: null },
        { tenant: null, value: "9007199254740993" },
        { tenant: "d", value: true },
      ]),
    );
    const text = await exporter.collect();
    expect(text).toContain("# HELP lag_seconds Lag\n# TYPE lag_seconds gauge\n");
    expect(await samplesOf(Promise.resolve(text))).toEqual([
      'lag_seconds {"tenant":"a \\"quoted\\"\\\\"} 1.5',
      'lag_seconds {"tenant":""} 9007199254740992',
      'lag_seconds {"tenant":"d"} 1',
      'tenantry_export_up {"query":"lag"} 1',
      'tenantry_export_tenants_expected {"query":"lag"} 3',
      'tenantry_export_tenants_answered {"query":"lag"} 2',
      'tenantry_export_series_dropped {"query":"lag"} 0',
      'tenantry_export_duplicates_total {"query":"lag"} 0',
    ]);
    expect(observations).toEqual([
      { kind: "export.ran", queryName: "lag", ok: true, series: 3, seconds: expect.any(Number) },
    ]);
  });

  it("asks like a scheduled panel: snapped range, defaults of the settings, all tenants", async () => {
    const query = {
      ...LAG,
      range: "5m",
      interval: "1m",
      partial: "95%",
      cacheTtl: "20s",
      params: { plan: { type: "text", default: "pro" } },
    };
    const { exporter, requests, principals } = exporterOver({ lag: query }, () => answer([]));
    await exporter.collect();
    expect(requests).toEqual([
      {
        sql: "SELECT 1 AS value",
        queryName: "lag",
        range: { fromMs: Date.UTC(2026, 10, 22, 7, 55), toMs: Date.UTC(2026, 10, 22, 8, 1) },
        intervalMs: 60_000,
        tenants: null,
        format: "rows",
        partial: { percent: 95 },
        required: [],
        staleMs: 0,
        params: new Map([["plan", { type: "text", value: "pro" }]]),
        cacheTtlMs: 20_000,
        deadlineMs: 30_000,
        priority: "scheduled",
      },
    ]);
    expect(principals[0]?.mayRead({ name: "any", labels: {} })).toBe(true);
  });

  it("takes no longer than the scrape may, nor than the query's own deadline", async () => {
    const { exporter, requests } = exporterOver(
      { lag: LAG, quick: { ...LAG, deadline: "1s", export: { name: "quick" } } },
      () => answer([]),
    );
    await exporter.collect(9_500);
    await exporter.collect(null);
    expect(requests.map(({ queryName, deadlineMs }) => [queryName, deadlineMs])).toEqual([
      ["lag", 9_500],
      ["quick", 1_000],
      ["lag", 30_000],
      ["quick", 1_000],
    ]);
  });

  it("reads the defaults of parameters as a request would, and asks the same within an interval", async () => {
    const since = { type: "timestamp", default: "now-1d" };
    const { exporter, requests, observations } = exporterOver(
      {
        lag: { ...LAG, interval: "1m", params: { since, least: { type: "integer", default: "5" } } },
        broken: { ...LAG, export: { name: "broken" }, params: { since: { ...since, default: "yesterday" } } },
      },
      () => answer([{ tenant: "a", value: 1 }]),
    );
    const samples = await samplesOf(exporter.collect());
    expect(requests.map(({ params }) => params)).toEqual([
      new Map([
        ["since", { type: "timestamp", value: "2026-11-21T08:00:00.000Z" }],
        ["least", { type: "integer", value: 5 }],
      ]),
    ]);
    expect(samples).toContain('tenantry_export_up {"query":"broken"} 0');
    expect(observations).toContainEqual(
      expect.objectContaining({ ok: false, error: expect.objectContaining({ code: "PARAM_INVALID" }) }),
    );
  });

  it("withdraws the values of a query that fails, and only those", async () => {
    let failing = false;
    const queries = { lag: LAG, load: { ...LAG, sql: "SELECT 2 AS value", export: { name: "load", type: "counter" } } };
    const { exporter, observations } = exporterOver(queries, ({ queryName }) => {
      if (failing && queryName === "lag") throw new AppError("TENANT_FAILED", "tenants failed");
      return answer([{ tenant: "a", value: -4 }]);
    });
    expect(await samplesOf(exporter.collect())).toContain('lag_seconds {"tenant":"a"} -4');
    failing = true;
    const samples = await samplesOf(exporter.collect());
    expect(samples.filter((sample) => sample.startsWith("lag_seconds"))).toEqual([]);
    expect(samples).toContain('load {"tenant":"a"} -4');
    expect(samples).toContain('tenantry_export_up {"query":"lag"} 0');
    expect(samples).toContain('tenantry_export_up {"query":"load"} 1');
    expect(samples).not.toContain('tenantry_export_tenants_expected {"query":"lag"} 3');
    expect(observations.at(-2)).toMatchObject({ ok: false, error: { code: "TENANT_FAILED" } });
    failing = false;
    expect(await samplesOf(exporter.collect())).toContain('lag_seconds {"tenant":"a"} -4');
  });

  it("withdraws the values of an answer that was cut, and says why", async () => {
    const { exporter, observations } = exporterOver(
      { lag: LAG, load: { ...LAG, export: { name: "load" } } },
      (asked) => {
        const whole = answer([{ tenant: "a", value: 1 }]);
        return asked.queryName === "lag" ? { ...whole, coverage: { ...whole.coverage, truncated: true } } : whole;
      },
    );
    const samples = await samplesOf(exporter.collect());
    expect(samples.filter((sample) => sample.startsWith("lag_seconds"))).toEqual([]);
    expect(samples).toContain('tenantry_export_up {"query":"lag"} 0');
    expect(samples).toContain('load {"tenant":"a"} 1');
    expect(observations).toContainEqual(
      expect.objectContaining({
        ok: false,
        error: expect.objectContaining({ code: "RESULT_TOO_LARGE", message: expect.stringContaining("cut") }),
      }),
    );
  });

  it("keeps the last of equal label sets, counts the others, and caps the series", async () => {
    const query = { ...LAG, export: { name: "lag_seconds", maxSeries: 2 } };
    const { exporter } = exporterOver({ lag: query }, () =>
      answer(["a", "b", "a", "c", "d"].map((tenant, value) => ({ tenant, value }))),
    );
    await exporter.collect();
    const samples = await samplesOf(exporter.collect());
    expect(samples.slice(0, 2)).toEqual(['lag_seconds {"tenant":"a"} 2', 'lag_seconds {"tenant":"b"} 1']);
    expect(samples).toContain('tenantry_export_series_dropped {"query":"lag"} 2');
    expect(samples).toContain('tenantry_export_duplicates_total {"query":"lag"} 2');
  });

  it.each([
    ["a column that is not there", [{ tenant: "a", valu: 1 }]],
    ["text that is no number", [{ tenant: "a", value: "high" }]],
    ["an object", [{ tenant: "a", value: { n: 1 } }]],
  ])("fails the query on %s", async (_, rows) => {
    const { exporter, observations } = exporterOver({ lag: LAG }, () => answer(rows));
    expect(await samplesOf(exporter.collect())).toContain('tenantry_export_up {"query":"lag"} 0');
    expect(observations[0]).toMatchObject({ ok: false, error: { code: "CONFIG_INVALID" } });
  });

  it("lets scrapes at the same time share one run", async () => {
    const { exporter, requests } = exporterOver({ lag: LAG }, () => answer([{ tenant: "a", value: 1 }]));
    const [first, second] = await Promise.all([exporter.collect(), exporter.collect()]);
    expect(second).toBe(first);
    expect(requests).toHaveLength(1);
    await exporter.collect();
    expect(requests).toHaveLength(2);
  });

  it("stops what runs when it is closed", async () => {
    const { exporter } = exporterOver(
      { lag: LAG },
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new AppError("SHUTTING_DOWN", "stopping")));
        }),
    );
    const running = samplesOf(exporter.collect());
    await exporter.close();
    expect(await running).toContain('tenantry_export_up {"query":"lag"} 0');
    await expect(exporter.collect()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  it("is an empty exposition without exported queries", async () => {
    const { exporter } = exporterOver({ plain: { sql: "SELECT 1" } }, () => answer([]));
    expect(await samplesOf(exporter.collect())).toEqual([]);
  });

  it("refuses exports that cannot share a page, naming every mistake", () => {
    const queries = {
      a: { ...LAG, export: { name: "same" } },
      b: { ...LAG, export: { name: "same", labels: ["tenant", "tenant", "__name__", "value"] } },
      c: { ...LAG, export: { name: "tenantry_tenant_up" }, params: { p: { type: "text" } } },
      d: { ...LAG, export: { name: "nodejs_heap" } },
    };
    const create = () => exporterOver(queries, () => answer([]));
    expect(create).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    for (const part of [
      "already the metric of queries.a",
      '"tenant" is listed twice',
      "__name__",
      '"value" is the column of the sample\'s value',
      "tenantry_tenant_up",
      "queries.c.params.p: needs a default",
      "nodejs_heap",
    ]) {
      expect(create).toThrow(part);
    }
  });
});
