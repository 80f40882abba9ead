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
 * What a scrape at `nowMs` asks of an exported query. Scrapes within one interval ask the same, and share one answer: what a
 * parameter's default calls `now` is the interval's start. Throws PARAM_INVALID.
 */
export function exportRequest(exported: ExportedQuery, defaults: ExportDefaults, nowMs: number): QueryRequest {
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
    params: readParams(new Map(), query.params, intervalStart),
    cacheTtlMs: query.cacheTtl ?? defaults.cacheTtlMs,
    deadlineMs: query.deadline ?? defaults.deadlineMs,
    priority: "scheduled",
  };
}
