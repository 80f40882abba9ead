import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Observation, Observe } from "../observation.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { createTenantHealth, type TenantHealth } from "./tenant-health.ts";

export interface Metrics {
  readonly observe: Observe;
  /** The exposition of all metrics, for `GET /metrics`. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
  close(): void;
}

export interface MetricsOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** From a cache hit, below a millisecond, to the longest deadline that makes sense. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Counts observations. Labels have few values by design: routes are patterns, query names come from the settings, and
 * a tenant's name is a label of `tenantry_tenant_up` and `tenantry_tenant_down_since_seconds` alone, for tenants that failed lately.
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const now = options.now ?? Date.now;
  const registry = new Registry();
  const health = createTenantHealth({ now, downMs: 300_000, forgetMs: 3_600_000, maxTenants: 2_000 });
  const instruments = createInstruments(registry, health, now);
  const processMetrics = registerProcessMetrics(registry);
  return {
    observe: (observation) => record(instruments, health, now, observation),
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    close: () => processMetrics.close(),
  };
}

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments(registry: Registry, health: TenantHealth, now: () => number) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: `tenantry_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: `tenantry_${name}`, help, labelNames, registers });
  const seconds = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Histogram({ name: `tenantry_${name}`, help, labelNames, buckets: SECONDS_BUCKETS, registers });

  const state: { catalogLoadedAtMs: number | undefined; roundTripMs: number | undefined } = {
    catalogLoadedAtMs: undefined,
    roundTripMs: undefined,
  };
  new Gauge({
    name: "tenantry_tenant_round_trip_seconds",
    help: "From the federation database to a tenant and back, the median of a few tenants; absent where it is not measured.",
    registers,
    collect() {
      if (state.roundTripMs === undefined) this.remove();
      else this.set(state.roundTripMs / 1000);
    },
  });
  new Gauge({
    name: "tenantry_catalog_age_seconds",
    help: "Time since the catalog in use was read; absent before the first.",
    registers,
    collect() {
      if (state.catalogLoadedAtMs === undefined) this.remove();
      else this.set((now() - state.catalogLoadedAtMs) / 1000);
    },
  });
  new Gauge({
    name: "tenantry_tenant_up",
    help: "0: down, or missing from an answer of the last 5 minutes; 1: recovered within the hour. Absent otherwise.",
    labelNames: ["tenant"],
    registers,
    collect() {
      this.reset();
      for (const { tenant, up } of health.states()) this.set({ tenant }, up);
    },
  });
  new Gauge({
    name: "tenantry_tenant_down_since_seconds",
    help: "When a tenant that is down failed first, epoch seconds; absent for the others.",
    labelNames: ["tenant", "reason"],
    registers,
    collect() {
      this.reset();
      for (const { tenant, reason, sinceMs } of health.down()) this.set({ tenant, reason }, sinceMs / 1000);
    },
  });
  return {
    state,
    requests: counter("http_requests_total", "Requests answered.", ["route", "method", "status"]),
    requestSeconds: seconds("http_request_duration_seconds", "Time to answer a request.", ["route"]),
    responseBytes: counter("http_response_bytes_total", "Bytes of bodies sent.", ["route"]),
    errors: counter("errors_total", "Requests that ended with an error, by its code.", ["code"]),
    stageSeconds: seconds("stage_duration_seconds", "Time of a query's stages.", ["stage"]),
    queries: counter("queries_total", "Queries answered, by what the cache did.", ["cache"]),
    querySeconds: seconds("query_duration_seconds", "Time to answer a query.", ["cache"]),
    queryRows: counter("query_rows_total", "Rows answered."),
    expected: gauge(
      "query_tenants_expected",
      "Tenants that the last answer should have; query is empty for SQL in the request.",
      ["query"],
    ),
    answered: gauge("query_tenants_answered", "Tenants that the last answer has.", ["query"]),
    tenantFailures: counter("tenant_failures_total", "Tenants missing from fresh answers.", ["reason"]),
    lanes: gauge("lanes", "Lanes of each group, as they were chosen for the fleet last."),
    laneRuns: counter("lane_runs_total", "Statements that lanes ran."),
    laneSeconds: seconds("lane_run_duration_seconds", "Time of a lane's statement."),
    lanesReplaced: counter("lanes_replaced_total", "Sessions of lanes thrown away.", ["cause"]),
    cacheEntries: gauge("cache_entries", "Answers in the cache."),
    cacheBytes: gauge("cache_bytes", "Bytes of the answers in the cache."),
    cacheEvictions: counter("cache_evictions_total", "Answers that left the cache for want of room."),
    catalogTenants: gauge("catalog_tenants", "Tenants in the catalog."),
    catalogSeconds: gauge("catalog_load_duration_seconds", "Time that reading the catalog took last."),
    catalogFailures: counter("catalog_failures_total", "Times that the catalog could not be read again."),
    arms: counter("arms_total", "Arms of fresh answers, by what the federation database did for them.", ["verdict"]),
    parsersReplaced: counter("parser_replaced_total", "Workers of the SQL parser replaced.", ["cause"]),
    exportRuns: counter("export_runs_total", "Runs of exported queries.", ["query", "result"]),
    exportSeries: gauge("export_series", "Samples that an exported query gave last; 0 when it failed.", ["query"]),
    exportSeconds: gauge("export_duration_seconds", "Time that an exported query took last.", ["query"]),
  };
}

function record(instruments: Instruments, health: TenantHealth, now: () => number, observation: Observation): void {
  const i = instruments;
  switch (observation.kind) {
    case "http.request": {
      const { route, method, status, seconds, bytes } = observation;
      i.requests.inc({ route, method, status });
      i.requestSeconds.observe({ route }, seconds);
      i.responseBytes.inc({ route }, bytes);
      break;
    }
    case "http.error":
      i.errors.inc({ code: observation.error.code });
      break;
    case "query.stage":
      i.stageSeconds.observe({ stage: observation.stage }, observation.seconds);
      break;
    case "query.answered": {
      const { cache, expected, answered, rows, seconds } = observation;
      const query = observation.queryName ?? "";
      i.queries.inc({ cache });
      i.querySeconds.observe({ cache }, seconds);
      i.queryRows.inc(rows);
      i.expected.set({ query }, expected);
      i.answered.set({ query }, answered);
      break;
    }
    case "tenant.failed":
      i.tenantFailures.inc({ reason: observation.reason });
      // A caller in a hurry must not raise an alert about tenants that are well.
      if (observation.inconclusive !== true) health.failed(observation.tenant, observation.reason);
      break;
    case "tenant.state":
      if (observation.state === "closed") health.recovered(observation.tenant);
      else health.wentDown(observation.tenant, observation.reason);
      break;
    case "lanes.fitted":
      i.lanes.set(observation.lanes);
      i.state.roundTripMs = observation.roundTripMs ?? undefined;
      break;
    case "lane.ran":
      i.laneRuns.inc();
      i.laneSeconds.observe(observation.seconds);
      break;
    case "lane.replaced":
      i.lanesReplaced.inc({ cause: observation.cause });
      break;
    case "cache.size":
      i.cacheEntries.set(observation.entries);
      i.cacheBytes.set(observation.bytes);
      i.cacheEvictions.inc(observation.evicted);
      break;
    case "catalog.loaded":
      i.state.catalogLoadedAtMs = now();
      i.catalogTenants.set(observation.tenants);
      i.catalogSeconds.set(observation.seconds);
      break;
    case "catalog.failed":
      i.catalogFailures.inc();
      break;
    case "arms.judged":
      i.arms.inc({ verdict: observation.verdict }, observation.arms);
      break;
    case "parser.replaced":
      i.parsersReplaced.inc({ cause: observation.cause });
      break;
    case "export.ran": {
      const query = observation.queryName;
      i.exportRuns.inc({ query, result: observation.ok ? "ok" : "failed" });
      i.exportSeries.set({ query }, observation.series);
      i.exportSeconds.set({ query }, observation.seconds);
      break;
    }
    case "server.listening":
    case "server.stopping":
    case "catalog.notice":
    case "advice":
      break;
    default:
      observation satisfies never;
  }
}
