import type { ParamDeclarationValue, PartialPolicy, QueryRequest, TimeRange } from "../types.ts";
import type { ExportedQuery } from "./exported-queries.ts";

export interface ExportDefaults {
  readonly cacheTtlMs: number;
  readonly deadlineMs: number;
}

/** What a scrape at `nowMs` asks of an exported query. Scrapes within one interval ask the same, and share one answer. */
export function exportRequest(exported: ExportedQuery, defaults: ExportDefaults, nowMs: number): QueryRequest {
  const { queryName, query } = exported;
  return {
    sql: query.sql,
    queryName,
    range: snappedRange(nowMs, query.range, query.interval),
    intervalMs: query.interval,
    tenants: null,
    format: "rows",
    partial: partialPolicy(query.partial),
    params: defaultParams(query.params),
    cacheTtlMs: query.cacheTtl ?? defaults.cacheTtlMs,
    deadlineMs: query.deadline ?? defaults.deadlineMs,
    priority: "scheduled",
  };
}

/** The last `rangeMs`, widened on both sides to multiples of the interval. */
function snappedRange(nowMs: number, rangeMs: number, intervalMs: number): TimeRange {
  const step = Math.max(intervalMs, 1_000);
  return { fromMs: Math.floor((nowMs - rangeMs) / step) * step, toMs: Math.ceil(nowMs / step) * step };
}

function partialPolicy(setting: string): PartialPolicy {
  return setting === "allow" || setting === "fail" ? setting : { percent: Number.parseInt(setting, 10) };
}

function defaultParams(declared: ExportedQuery["query"]["params"]): ReadonlyMap<string, ParamDeclarationValue> {
  return new Map(
    Object.entries(declared).map(([name, { type, default: value }]) => [name, { type, value: value ?? null }]),
  );
}
