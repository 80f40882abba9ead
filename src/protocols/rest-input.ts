import { z } from "zod";
import { AppError } from "../errors.ts";
import { FORMATS, PARAM_TYPES } from "../types.ts";
import type { RawQuery } from "./build-request.ts";
import { readInput } from "./read-input.ts";
import { parseRepeatedTenants } from "./tenant-list.ts";

const time = z.union([z.string(), z.number()]).nullish();
const count = z.union([z.string(), z.number()]).nullish();
const formats = `${FORMATS.join(", ")}; rows when absent`;

const options = {
  from: time.describe("Start of the range: epoch ms or s, ISO 8601, or date math such as now-6h."),
  to: time.describe("End of the range; now when absent."),
  intervalMs: count.describe("Milliseconds of $__interval."),
  maxDataPoints: count.describe("Points wanted; decides the interval when intervalMs is absent."),
  format: z.string().nullish().describe(`Format of the answer: ${formats}.`),
  partial: z.string().nullish().describe("How many tenants must answer: allow, fail, or a share such as 95%."),
  stale: count.describe("For tenants that fail, their last good rows, if they are no older: 10m, or seconds."),
  timeout: count.describe("Time for the answer: 5s, 500ms, or seconds; limits.deadline at most."),
};

/** The JSON body of `POST /v1/query` and `POST /v1/explain`. Unknown keys are refused. */
export const queryBodySchema = z.strictObject({
  sql: z.string().optional().describe("The template. Give this or query."),
  query: z.string().optional().describe("Name of a named query."),
  ...options,
  tenants: z
    .union([z.string(), z.array(z.union([z.string(), z.number()]))])
    .nullish()
    .describe("Tenants: an array, or text as in the URL. Empty, * and $__all mean all that the caller may see."),
  require: z
    .union([z.string(), z.array(z.union([z.string(), z.number()]))])
    .nullish()
    .describe("Tenants without which there is no answer, written as tenants are."),
  params: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .nullish()
    .describe(`Values for $param(name); types are ${PARAM_TYPES.join(", ")}.`),
});

/** URL parameters of `GET /v1/queries/{name}`, for the document; `param.<name>` come beside them. */
export const namedQueryParametersSchema = z.object({
  ...options,
  tenants: z.string().optional().describe("Tenants: repeated, a,b, {a,b}, (a|b) or a JSON array."),
  require: z.string().optional().describe("Tenants without which there is no answer, written as tenants are."),
});

/** URL parameters of `GET /v1/query`, for the document. */
export const queryParametersSchema = namedQueryParametersSchema.extend({ sql: z.string().describe("The template.") });

const PARAM_PREFIX = "param.";

/** The question in a JSON body. Throws REQUEST_INVALID. */
export function readQueryBody(body: unknown): RawQuery {
  const { params, ...rest } = readInput(queryBodySchema, body, "body");
  return { ...rest, params: new Map(Object.entries(params ?? {})) };
}

/**
 * The question in a URL. Of a parameter that comes twice the first counts, since a datasource's own parameters follow the
 * panel's; `tenants` add up. Throws REQUEST_INVALID for a parameter that is not known.
 */
export function readQueryParameters(search: URLSearchParams, known: readonly string[]): RawQuery {
  const values = new Map<string, string>();
  const params = new Map<string, string>();
  for (const [key, value] of search) {
    const [target, name] = key.startsWith(PARAM_PREFIX) ? [params, key.slice(PARAM_PREFIX.length)] : [values, key];
    if (target === values && !known.includes(key)) throw unknownParameter(key, known);
    if (!target.has(name)) target.set(name, value);
  }
  return {
    ...Object.fromEntries(values),
    tenants: parseRepeatedTenants(search.getAll("tenants")) ?? undefined,
    require: readRequired(search.getAll("require").filter((text) => text.trim() !== "")),
    params,
  };
}

/** A text that means all stays one, for `buildRequest` to refuse. */
function readRequired(texts: readonly string[]): readonly string[] | string | undefined {
  return texts.length === 0 ? undefined : (parseRepeatedTenants(texts) ?? "*");
}

function unknownParameter(key: string, known: readonly string[]): AppError {
  return new AppError("REQUEST_INVALID", `unknown parameter "${key.slice(0, 60)}"`, {
    hint: `known: ${known.join(", ")}, and param.<name> for $param(name)`,
  });
}
