import type { DataFrame } from "@grafana/data";
import { z } from "zod";
import type { TimeRange } from "../../../src/types.ts";
import { type BackendFrame, columnSchema, frameJson } from "./backend-frame.ts";
import { formatInstant, interpolate } from "./interpolate.ts";
import { postProcess } from "./long-to-wide.ts";
import type { PanelContext } from "./panel-context.ts";
import { toPanelFrames } from "./panel-frames.ts";
import type { Send, WireRequest } from "./wire.ts";

/** A query as Infinity saves it in panels and alert rules; only the two ways of parsing that ours use. */
export const infinityQuerySchema = z
  .object({
    refId: z.string(),
    type: z.literal("json"),
    source: z.literal("url"),
    parser: z.enum(["backend", "simple"]),
    format: z.enum(["table", "timeseries", "as-is"]),
    url: z.string().startsWith("/"),
    url_options: z.object({
      method: z.enum(["GET", "POST"]),
      params: z.array(z.object({ key: z.string(), value: z.string() })).default([]),
      body_type: z.literal("raw").optional(),
      body_content_type: z.string().optional(),
      data: z.string().optional(),
    }),
    root_selector: z.string(),
    columns: z.array(columnSchema),
  })
  .refine((query) => (query.parser === "simple") === (query.format === "as-is"), "as-is goes with the simple parser");

export type InfinityQuery = z.infer<typeof infinityQuerySchema>;

/** A dashboard variable as Infinity saves it. */
export const infinityVariableSchema = z.object({
  queryType: z.literal("infinity"),
  infinityQuery: infinityQuerySchema,
});

/** The macros that Infinity's backend knows: braced instants. There is no interval among them. */
export function expandBackendMacros(text: string, range: TimeRange): string {
  return text
    .replace(/\$\{__(timeFrom|timeTo|from|to)(?::([^}]+))?\}/g, (_, name: string, format: string | undefined) =>
      formatInstant(name.toLowerCase().endsWith("from") ? range.fromMs : range.toMs, format ?? ""),
    )
    .trim();
}

/** The request on the wire. An alert rule has no `panel`: then nothing fills variables or `$__interval_ms`. */
export function infinityRequest(query: InfinityQuery, range: TimeRange, panel: PanelContext | null): WireRequest {
  const fill = (text: string): string => expandBackendMacros(panel === null ? text : interpolate(text, panel), range);
  const { method, params, body_content_type: contentType, data } = query.url_options;
  const parameters = new URLSearchParams(params.map(({ key, value }): [string, string] => [key, fill(value)]));
  parameters.sort();
  const path = fill(query.url) + (parameters.size === 0 ? "" : `?${parameters}`);
  const accept = { Accept: "application/json;q=0.9,text/plain", "User-Agent": "Grafana/12.2.5" };
  if (method === "GET") return { method, path, headers: accept };
  // The editor's default is text/plain: a server must not depend on the type.
  return { method, path, headers: { ...accept, "Content-Type": contentType ?? "text/plain" }, body: fill(data ?? "") };
}

async function fetchJson(request: WireRequest, send: Send): Promise<unknown> {
  const answer = await send(request);
  // The body of an error is not read: users see the reason phrase or nothing.
  if (answer.status >= 400) {
    throw new Error(`unsuccessful HTTP response code\nstatus code : ${answer.status} ${answer.reason}`);
  }
  if (answer.text === "") throw new Error(`empty response body received for the URL ${request.path}`);
  return JSON.parse(answer.text);
}

/** Asks as an "as is" panel does and gives the frames that it draws. */
export async function runInfinityAsIs(
  query: InfinityQuery,
  context: PanelContext,
  send: Send,
): Promise<readonly DataFrame[]> {
  return toPanelFrames(await fetchJson(infinityRequest(query, context.range, context), send));
}

/** Asks with the backend parser, for a panel or, without one, for an alert rule. */
export async function runInfinityBackend(
  query: InfinityQuery,
  range: TimeRange,
  panel: PanelContext | null,
  send: Send,
): Promise<BackendFrame> {
  if (query.format === "as-is") throw new Error("the backend parser knows no as-is");
  const json = await fetchJson(infinityRequest(query, range, panel), send);
  return postProcess(await frameJson(json, query.root_selector, query.columns), query.format);
}

/** The values of a query variable: those of its one column. */
export async function runInfinityVariable(
  query: unknown,
  context: PanelContext,
  send: Send,
): Promise<readonly string[]> {
  const { infinityQuery } = infinityVariableSchema.parse(query);
  const frame = await runInfinityBackend(infinityQuery, context.range, context, send);
  return (frame.fields[0]?.values ?? []).map(String);
}
