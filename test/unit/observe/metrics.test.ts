import { afterEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { createMetrics, type Metrics } from "../../../src/observe/metrics.ts";
import { readExposition } from "./read-exposition.ts";

const open: Metrics[] = [];

function metricsAt(clock: { ms: number }): Metrics {
  const metrics = createMetrics({ now: () => clock.ms });
  open.push(metrics);
  return metrics;
}

afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

/** Samples as `name{label="value"} number`, our own only. */
async function samplesOf(metrics: Metrics): Promise<readonly string[]> {
  const { body } = await metrics.text();
  return readExposition(body).samples.map(({ name, labels, value }) => `${name} ${JSON.stringify(labels)} ${value}`);
}

describe("metrics", () => {
  it("is a valid exposition, typed for Prometheus", async () => {
    const { contentType, body } = await metricsAt({ ms: 0 }).text();
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(readExposition(body).types.get("process_cpu_seconds_total")).toBe("counter");
  });

  it("counts what it observes", async () => {
    const clock = { ms: 1_000_000 };
    const metrics = metricsAt(clock);
    const { observe } = metrics;
    const request = { method: "GET", route: "/v1/tenants", status: 200, seconds: 0.02, bytes: 10 };
    observe({ kind: "http.request", requestId: "r", principal: "p", ...request });
    observe({ kind: "http.request", requestId: "r", principal: "p", ...request });
    observe({ kind: "http.error", requestId: "r", error: new AppError("OVERLOADED", "busy") });
    observe({ kind: "query.stage", stage: "execute", seconds: 0.3 });
    observe({
      kind: "query.answered",
      queryName: "lag",
      cache: "miss",
      expected: 3,
      answered: 2,
      rows: 7,
      seconds: 0.4,
    });
    observe({
      kind: "query.answered",
      queryName: null,
      cache: "hit",
      expected: 3,
      answered: 3,
      rows: 7,
      seconds: 0.001,
    });
    observe({ kind: "lane.ran", group: 0, lane: 1, tenants: 5, seconds: 0.2 });
    observe({ kind: "lane.replaced", group: 0, lane: 1, cause: "timeout" });
    observe({ kind: "cache.size", entries: 2, bytes: 300, evicted: 1 });
    observe({ kind: "catalog.loaded", version: "v", changed: true, tenants: 81, seconds: 0.1 });
    observe({ kind: "catalog.failed", error: new Error("gone") });
    observe({ kind: "parser.replaced", cause: "trap" });
    observe({ kind: "arms.judged", verdict: "filter-local", arms: 80 });
    observe({ kind: "export.ran", queryName: "lag", ok: true, series: 3, seconds: 0.5 });
    observe({ kind: "export.ran", queryName: "lag", ok: false, series: 0, seconds: 0.5 });
    clock.ms += 5_000;
    expect(await samplesOf(metrics)).toEqual(
      expect.arrayContaining([
        'tenantry_http_requests_total {"route":"/v1/tenants","method":"GET","status":"200"} 2',
        'tenantry_http_request_duration_seconds_bucket {"le":"0.025","route":"/v1/tenants"} 2',
        'tenantry_http_response_bytes_total {"route":"/v1/tenants"} 20',
        'tenantry_errors_total {"code":"OVERLOADED"} 1',
        'tenantry_stage_duration_seconds_sum {"stage":"execute"} 0.3',
        'tenantry_queries_total {"cache":"miss"} 1',
        'tenantry_queries_total {"cache":"hit"} 1',
        "tenantry_query_rows_total {} 14",
        'tenantry_query_tenants_answered {"query":"lag"} 2',
        'tenantry_query_tenants_expected {"query":""} 3',
        "tenantry_lane_runs_total {} 1",
        'tenantry_lanes_replaced_total {"cause":"timeout"} 1',
        "tenantry_cache_entries {} 2",
        "tenantry_cache_bytes {} 300",
        "tenantry_cache_evictions_total {} 1",
        "tenantry_catalog_tenants {} 81",
        "tenantry_catalog_age_seconds {} 5",
        "tenantry_catalog_failures_total {} 1",
        'tenantry_parser_replaced_total {"cause":"trap"} 1',
        'tenantry_arms_total {"verdict":"filter-local"} 80',
        'tenantry_export_runs_total {"query":"lag","result":"ok"} 1',
        'tenantry_export_runs_total {"query":"lag","result":"failed"} 1',
        'tenantry_export_series {"query":"lag"} 0',
      ]),
    );
  });

  it("has no age of a catalog that is not there", async () => {
    const samples = await samplesOf(metricsAt({ ms: 0 }));
    expect(samples.filter((sample) => sample.startsWith("tenantry_catalog_age_seconds"))).toEqual([]);
  });

  it("shows tenants that are down, their recovery, and forgets them after an hour", async () => {
    const clock = { ms: 0 };
    const metrics = metricsAt(clock);
    metrics.observe({ kind: "tenant.failed", tenant: "acme", reason: "unreachable", detail: "" });
    metrics.observe({ kind: "tenant.failed", tenant: "globex", reason: "column_missing", detail: "" });
    const up = async () => (await samplesOf(metrics)).filter((sample) => sample.startsWith("tenantry_tenant_up"));
    expect(await up()).toEqual(['tenantry_tenant_up {"tenant":"acme"} 0']);
    clock.ms = 300_000;
    expect(await up()).toEqual(['tenantry_tenant_up {"tenant":"acme"} 1']);
    clock.ms = 3_600_000;
    expect(await up()).toEqual([]);
  });

  it("does not show a tenant as down because a caller was in a hurry", async () => {
    const metrics = metricsAt({ ms: 0 });
    const hurried = { tenant: "acme", reason: "timeout", detail: "", inconclusive: true } as const;
    metrics.observe({ kind: "tenant.failed", ...hurried });
    expect((await samplesOf(metrics)).filter((sample) => sample.startsWith("tenantry_tenant_"))).toEqual([
      'tenantry_tenant_failures_total {"reason":"timeout"} 1',
    ]);
  });

  it("says of a tenant that is down since when, however long nobody asks, until it answers again", async () => {
    const clock = { ms: 1_000 };
    const metrics = metricsAt(clock);
    const shown = async () => (await samplesOf(metrics)).filter((sample) => sample.startsWith("tenantry_tenant_"));
    const state = (name: "open" | "half-open" | "closed", reason: "timeout" | "unreachable") =>
      metrics.observe({ kind: "tenant.state", tenant: "acme", state: name, reason });
    state("open", "timeout");
    clock.ms = 7_200_000;
    state("half-open", "timeout");
    state("open", "unreachable");
    metrics.observe({ kind: "tenant.failed", tenant: "acme", reason: "unreachable", detail: "" });
    expect(await shown()).toEqual([
      'tenantry_tenant_up {"tenant":"acme"} 0',
      'tenantry_tenant_down_since_seconds {"tenant":"acme","reason":"unreachable"} 1',
      'tenantry_tenant_failures_total {"reason":"unreachable"} 1',
    ]);
    state("closed", "unreachable");
    expect(await shown()).toEqual([
      'tenantry_tenant_up {"tenant":"acme"} 1',
      'tenantry_tenant_failures_total {"reason":"unreachable"} 1',
    ]);
    clock.ms += 3_600_000;
    expect(await shown()).toEqual(['tenantry_tenant_failures_total {"reason":"unreachable"} 1']);
  });

  it("names at most 2,000 tenants, those that failed last", async () => {
    const metrics = metricsAt({ ms: 0 });
    for (let tenant = 0; tenant < 2_500; tenant += 1) {
      metrics.observe({ kind: "tenant.failed", tenant: `t${tenant}`, reason: "timeout", detail: "" });
    }
    const samples = await samplesOf(metrics);
    const up = samples.filter((sample) => sample.startsWith("tenantry_tenant_up"));
    expect(up).toHaveLength(2_000);
    expect(up.at(-1)).toContain("t2499");
    expect(samples).toContain('tenantry_tenant_failures_total {"reason":"timeout"} 2500');
  });
});
