import { parsePartialPolicy } from "../input/partial-policy.ts";
import { readParams } from "../input/query-params.ts";
import { snapRange } from "../input/time-input.ts";
import type { QueryRequest } from "../types.ts";
import type { ExportedQuery } from "./exported-queries.ts";

export interface ExportDefaults {
  readonly cacheTtlMs: number;
  readonly deadlineMs: number;
}

/**
 * What a scrape at `nowMs`, which may take `timeoutMs` (null: as long as the settings allow), asks of an exported query. Scrapes within one interval ask the same, and share one answer: what a
 * parameter's default calls `now` is the interval's start. Throws PARAM_INVALID.
 */
export function exportRequest(
  exported: ExportedQuery,
  defaults: ExportDefaults,
  { nowMs, timeoutMs }: { readonly nowMs: number; readonly timeoutMs: number | null },
): QueryRequest {
  const { queryName, query } = exported;
  const intervalStart = snapRange({ fromMs: nowMs, toMs: nowMs }, query.interval).fromMs;
  return {
    sql: query.sql,
    queryName,
    range: snapRange({ fromMs: nowMs - query.range, toMs: nowMs }, query.interval),
    intervalMs: query.interval,
    tenants: null,
    format: "rows",
    partial: parsePartialPolicy(query.partial),
    required: query.require,
    // Prometheus wants a gap where a value is old.
    staleMs: 0,
    params: readParams(new Map(), query.params, intervalStart),
    cacheTtlMs: query.cacheTtl ?? defaults.cacheTtlMs,
    deadlineMs: Math.min(query.deadline ?? defaults.deadlineMs, timeoutMs ?? Number.POSITIVE_INFINITY),
    priority: "scheduled",
  };
}
