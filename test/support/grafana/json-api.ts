import jsonata from "jsonata";
import { JSONPath } from "jsonpath-plus";
import { z } from "zod";
import { interpolate } from "./interpolate.ts";
import type { PanelContext } from "./panel-context.ts";
import type { Send } from "./wire.ts";

/** A target as the JSON API plugin saves it; GET only, since its browser cache does not look at bodies. */
export const jsonApiTargetSchema = z.object({
  refId: z.string(),
  method: z.literal("GET"),
  urlPath: z.string(),
  params: z.array(z.tuple([z.string(), z.string()])),
  fields: z
    .array(
      z.object({
        jsonPath: z.string(),
        language: z.enum(["jsonpath", "jsonata"]),
        name: z.string(),
        type: z.enum(["time", "number", "string", "boolean"]).optional(),
      }),
    )
    .min(1),
  experimentalGroupByField: z.string(),
  experimentalMetricField: z.string(),
});

export type JsonApiTarget = z.infer<typeof jsonApiTargetSchema>;
type FieldType = "time" | "number" | "string" | "boolean";

export interface JsonApiField {
  readonly name: string;
  readonly type: FieldType;
  readonly values: readonly unknown[];
}

export interface JsonApiFrame {
  readonly name: string;
  readonly fields: readonly JsonApiField[];
}

function fill(text: string, context: PanelContext): string {
  const { fromMs, toMs } = context.range;
  return interpolate(text, context)
    .replaceAll("$__unixEpochFrom()", () => String(Math.floor(fromMs / 1000)))
    .replaceAll("$__unixEpochTo()", () => String(Math.floor(toMs / 1000)))
    .replaceAll("$__isoFrom()", () => new Date(fromMs).toISOString())
    .replaceAll("$__isoTo()", () => new Date(toMs).toISOString());
}

/** Path and query string of the plugin's request. Slashes are collapsed, every part is percent-encoded. */
export function jsonApiPath(target: JsonApiTarget, context: PanelContext): string {
  const path = fill(target.urlPath, context).replace(/\/+/g, "/");
  if (/\/\.\.(?:\/|\?|$)|\t/.test(path)) throw new Error("URL path contains unsafe characters");
  const query = target.params.map(([key, value]) =>
    [fill(key, context), fill(value, context)].map(encodeURIComponent).join("="),
  );
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}

async function evaluate(field: JsonApiTarget["fields"][number], json: object): Promise<readonly unknown[]> {
  if (field.language === "jsonpath") {
    const found: unknown = JSONPath({ path: field.jsonPath, json, eval: false });
    return Array.isArray(found) ? found : [found];
  }
  const found: unknown = await jsonata(field.jsonPath).evaluate(json);
  // A single match comes as a scalar, no match as one undefined value.
  return Array.isArray(found) ? [...found] : [found];
}

const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))?$/;

function detectType(values: readonly unknown[]): FieldType {
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.length === 0) return "string";
  if (present.every((value) => typeof value === "string" && DATE.test(value))) return "time";
  if (present.every((value) => typeof value === "number")) return "number";
  return present.every((value) => typeof value === "boolean") ? "boolean" : "string";
}

/** A value as its field's type; numbers below 1e12 in a time field are seconds. */
function convert(value: unknown, type: FieldType): unknown {
  if (value === null || value === undefined) return null;
  if (type === "time") return typeof value === "number" ? value * (value < 1e12 ? 1000 : 1) : Date.parse(String(value));
  if (type === "number") return Number(value);
  if (type === "boolean") return Boolean(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function groupBy(fields: readonly JsonApiField[], groupField: string): readonly JsonApiFrame[] {
  const keys = fields.find((field) => field.name === groupField);
  if (keys === undefined) throw new Error(`no field "${groupField}" to group by`);
  return [...new Set(keys.values)].map((key) => ({
    name: String(key),
    fields: fields
      .filter((field) => field.name !== groupField)
      .map((field) => ({ ...field, values: field.values.filter((_, row) => keys.values[row] === key) })),
  }));
}

/** Frames of an answer: one expression for each field, all of one length, one frame for each value of the group field. */
export async function parseJsonApi(target: JsonApiTarget, json: unknown): Promise<readonly JsonApiFrame[]> {
  if (typeof json !== "object" || json === null) throw new Error("Query returned empty data");
  const fields = await Promise.all(
    target.fields.map(async (field): Promise<JsonApiField> => {
      const raw = await evaluate(field, json);
      const type = field.type ?? detectType(raw);
      return { name: field.name, type, values: raw.map((value) => convert(value, type)) };
    }),
  );
  if (new Set(fields.map((field) => field.values.length)).size > 1) throw new Error("Fields have different lengths");
  if (target.experimentalGroupByField !== "") return groupBy(fields, target.experimentalGroupByField);
  return [{ name: target.refId, fields }];
}

/** Asks as a panel does and gives the frames that it draws. */
export async function runJsonApi(saved: unknown, context: PanelContext, send: Send): Promise<readonly JsonApiFrame[]> {
  const target = jsonApiTargetSchema.parse(saved);
  const answer = await send({ method: "GET", path: jsonApiPath(target, context), headers: {} });
  if (answer.status >= 400) throw new Error(`JSON API: ${answer.status} ${answer.reason}: ${answer.text}`);
  return parseJsonApi(target, JSON.parse(answer.text));
}
