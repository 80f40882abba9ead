import type { Config, NamedQuery } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import { parsePartialPolicy } from "../input/partial-policy.ts";
import { inferParams, readParams } from "../input/query-params.ts";
import { showInput } from "../input/show-input.ts";
import { readRange, snapRange } from "../input/time-input.ts";
import { FORMATS, type Format, type QueryRequest } from "../types.ts";
import { readStale, readTimeout } from "./duration-input.ts";
import { readInterval } from "./interval-input.ts";
import { parseTenantList } from "./tenant-list.ts";

/** A question as a protocol reads it: nothing is checked yet. Exactly one of `sql` and `query` (a named query) is given. */
export interface RawQuery {
  readonly sql?: unknown;
  readonly query?: unknown;
  readonly from?: unknown;
  readonly to?: unknown;
  readonly intervalMs?: unknown;
  readonly maxDataPoints?: unknown;
  readonly tenants?: unknown;
  readonly format?: unknown;
  readonly partial?: unknown;
  readonly require?: unknown;
  readonly timeout?: unknown;
  readonly stale?: unknown;
  readonly params?: ReadonlyMap<string, unknown>;
}

/** Where the defaults come from. */
export interface RequestDefaults {
  readonly config: Config;
  readonly nowMs: number;
}

const DEFAULT_RANGE_MS = 3_600_000;
const DEFAULT_INTERVAL_MS = 60_000;
const FORMAT_NAMES: ReadonlyMap<unknown, Format> = new Map([
  ...FORMATS.map((format) => [format, format] as const),
  ["time_series", "timeserie"],
  ["timeseries", "timeserie"],
]);

/**
 * A checked request with every default filled in: the named query's where it has one, else the settings'.
 * Throws REQUEST_INVALID, PARAM_INVALID or QUERY_UNKNOWN.
 */
export function buildRequest(raw: RawQuery, { config, nowMs }: RequestDefaults): QueryRequest {
  const named = readNamedQuery(raw, config);
  const params = raw.params ?? new Map<string, unknown>();
  const asked = readRange({ from: raw.from, to: raw.to }, { nowMs, defaultMs: named?.query.range ?? DEFAULT_RANGE_MS });
  const intervalMs = readInterval(
    { intervalMs: raw.intervalMs, maxDataPoints: raw.maxDataPoints },
    { range: asked, defaultMs: named?.query.interval ?? DEFAULT_INTERVAL_MS },
  );
  return {
    sql: named === null ? readSql(raw.sql) : named.query.sql,
    queryName: named?.name ?? null,
    range: snapRange(asked, intervalMs),
    intervalMs,
    tenants: parseTenantList(raw.tenants),
    format: parseFormat(raw.format, "rows"),
    partial: parsePartialPolicy(raw.partial, parsePartialPolicy(named?.query.partial)),
    staleMs: readStale(raw.stale, named?.query.stale ?? 0),
    required: readRequired(raw.require) ?? named?.query.require ?? [],
    params: named === null ? inferParams(params) : readParams(params, named.query.params, nowMs),
    cacheTtlMs: named?.query.cacheTtl ?? config.cache.ttl,
    deadlineMs: readTimeout(raw.timeout, named?.query.deadline ?? config.limits.deadline),
    priority: "interactive",
  };
}

/** Names of tenants, or null for none. Throws REQUEST_INVALID for what means all of them: how many there are is another question. */
function readRequired(input: unknown): readonly string[] | null {
  if (input === undefined || input === null || input === "" || (Array.isArray(input) && input.length === 0))
    return null;
  const names = parseTenantList(input);
  if (names !== null) return names;
  throw new AppError("REQUEST_INVALID", `require: ${showInput(input)} names no tenant`, {
    hint: "name tenants, or write partial=fail to require all of them",
  });
}

/** The format of that name, or the default for none. `time_series` is `timeserie`. Throws REQUEST_INVALID. */
export function parseFormat(input: unknown, fallback: Format): Format {
  if (input === undefined || input === null || input === "") return fallback;
  const format = FORMAT_NAMES.get(input);
  if (format !== undefined) return format;
  throw new AppError("REQUEST_INVALID", `format: ${showInput(input)} is not known`, {
    hint: `known: ${FORMATS.join(", ")}`,
  });
}

/** The named query of that name. Throws QUERY_UNKNOWN, which lists the known ones. */
export function findQuery(name: string, config: Config): NamedQuery {
  const query = Object.hasOwn(config.queries, name) ? config.queries[name] : undefined;
  if (query !== undefined) return query;
  const known = Object.keys(config.queries);
  throw new AppError("QUERY_UNKNOWN", `no named query "${name.slice(0, 60)}"`, {
    hint: known.length === 0 ? "the settings have no named queries" : `known: ${known.slice(0, 30).join(", ")}`,
  });
}

function readNamedQuery(raw: RawQuery, config: Config): { name: string; query: NamedQuery } | null {
  if (raw.query === undefined || raw.query === null) return null;
  if (raw.sql !== undefined)
    throw new AppError("REQUEST_INVALID", "both sql and query are given", { hint: "give one of them" });
  if (typeof raw.query !== "string") throw new AppError("REQUEST_INVALID", "query: must be the name of a named query");
  return { name: raw.query, query: findQuery(raw.query, config) };
}

function readSql(input: unknown): string {
  if (typeof input !== "string" || input.trim() === "") {
    throw new AppError("REQUEST_INVALID", "sql is missing", { hint: 'give "sql": "SELECT … FROM $<tenant>_table"' });
  }
  return input;
}
