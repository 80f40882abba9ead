import { z } from "zod";
import { AppError } from "../errors.ts";
import { adHocFilterSchema } from "./ad-hoc-filters.ts";
import type { RawQuery } from "./build-request.ts";
import { unescapeRegex } from "./tenant-list.ts";

// Grafana adds keys with every version: all objects are loose, and all but the targets may be absent.
const rangeSchema = z.looseObject({ from: z.union([z.string(), z.number()]), to: z.union([z.string(), z.number()]) });
const payloadSchema = z.union([z.record(z.string(), z.unknown()), z.string()]).nullish();
const filtersSchema = z.array(adHocFilterSchema).nullish();
const countSchema = z.union([z.number(), z.string()]).nullish();

const targetSchema = z.looseObject({
  refId: z.string().max(64).nullish(),
  target: z.string().nullish().describe('"sql", or the name of a named query.'),
  payload: payloadSchema.describe(
    "For sql {sql, tenants?, format?, partial?, require?, stale?, timeout?, params?}; else the query's parameters.",
  ),
  data: payloadSchema.describe("What older plugins call the payload."),
  type: z.string().nullish().describe("Format that the older plugin asks for."),
  hide: z.boolean().nullish(),
  editorMode: z.string().nullish(),
});
export type SimpodTarget = z.output<typeof targetSchema>;

/** The body of `POST /grafana/query`: Grafana's DataQueryRequest. */
export const simpodQuerySchema = z.looseObject({
  targets: z.array(targetSchema).max(200),
  range: rangeSchema.nullish(),
  intervalMs: countSchema,
  maxDataPoints: countSchema,
  filters: filtersSchema.describe("Ad hoc filters on the tenant or its labels."),
  adhocFilters: filtersSchema,
});
export type SimpodQuery = z.output<typeof simpodQuerySchema>;

/** The body of `POST /grafana/variable`; a raw payload may be any JSON object, so only its known keys are read. */
export const simpodVariableSchema = z.looseObject({ payload: payloadSchema, range: rangeSchema.nullish() });
export const simpodSearchSchema = z.looseObject({
  target: z.string().nullish(),
  type: z.string().nullish(),
  range: rangeSchema.nullish(),
});
export const simpodOptionsSchema = z.looseObject({ metric: z.string().nullish(), name: z.string().default("") });
export const simpodTagValuesSchema = z.looseObject({ key: z.string() });
export const simpodAnnotationsSchema = z.looseObject({
  range: rangeSchema.nullish(),
  annotation: z.looseObject({ query: payloadSchema }),
});
/** A body of which nothing is needed. */
export const simpodAnySchema = z.looseObject({});

const RESERVED = new Set(["sql", "tenants", "format", "partial", "require", "stale", "timeout", "params"]);
const EMPTY_PAYLOAD = `empty payload: Grafana could not parse the JSON in the editor; use "tenants": \${tenant:json} (without quotes) or \${tenant:raw}`;

/**
 * The question that a target and its payload ask. The target `sql` takes its SQL from the payload, any other is the name
 * of a query. `escaped` says that Grafana has put variables in with its regex format, as the builder of the plugin does.
 * Throws REQUEST_INVALID, with the reason for an empty payload.
 */
export function readTargetQuery(name: string, payload: unknown, options: { escaped: boolean }): RawQuery {
  const values = readPayload(payload);
  const target = unescapeRegex(name.trim());
  const { sql, tenants, format, partial, require, stale, timeout, params } = values;
  const shared = { tenants, format, partial, require, stale, timeout };
  if (target !== "sql") {
    return { ...shared, query: target, params: new Map([...freeValues(values, options), ...readParamsObject(params)]) };
  }
  if (Object.keys(values).length === 0) throw new AppError("REQUEST_INVALID", EMPTY_PAYLOAD);
  const unknown = Object.keys(values).filter((key) => !RESERVED.has(key));
  if (unknown.length > 0) {
    throw new AppError("REQUEST_INVALID", `payload: unknown key "${unknown[0]?.slice(0, 60)}"`, {
      hint: `known: ${[...RESERVED].join(", ")}`,
    });
  }
  return { ...shared, sql, params: readParamsObject(params) };
}

/** The payload as an object; older plugins send it as text. */
export function readPayload(payload: unknown): Readonly<Record<string, unknown>> {
  const value = typeof payload === "string" ? parsePayload(payload) : payload;
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return Object.fromEntries(Object.entries(value));
  throw new AppError("REQUEST_INVALID", "payload: must be a JSON object");
}

function parsePayload(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("REQUEST_INVALID", "payload: is no JSON object", { cause: error });
  }
}

function freeValues(values: Readonly<Record<string, unknown>>, { escaped }: { escaped: boolean }): [string, unknown][] {
  return Object.entries(values)
    .filter(([key]) => !RESERVED.has(key))
    .map(([key, value]) => [key, escaped && typeof value === "string" ? unescapeRegex(value) : value]);
}

function readParamsObject(params: unknown): Map<string, unknown> {
  if (params === undefined || params === null || params === "") return new Map();
  return new Map(Object.entries(readPayload(params)));
}
