import type { DataFrame } from "@grafana/data";
import { z } from "zod";
import { interpolate } from "./interpolate.ts";
import { formatInterval, type PanelContext } from "./panel-context.ts";
import { toPanelFrames } from "./panel-frames.ts";
import type { Send } from "./wire.ts";

/** A target as simPod's plugin saves it in code mode. */
export const simpodTargetSchema = z.object({
  refId: z.string(),
  editorMode: z.literal("code"),
  target: z.string(),
  payload: z.string(),
  hide: z.boolean().optional(),
});

export type SimpodTarget = z.infer<typeof simpodTargetSchema>;

/** A dashboard variable as simPod's plugin saves it. */
export const simpodVariableSchema = z.object({ query: z.string(), format: z.literal("string") });

const SAVED_VARIABLE = /\$\w+|\[\[\w+?(?::\w+)?\]\]|\${\w+(?:\.[^:^{}[\]]+)?(?::[^}]+)?}/g;

/** The payload that the plugin sends. Text that is no JSON after interpolation becomes `{}`, silently, as there. */
export function simpodPayload(payload: string, context: PanelContext): unknown {
  const filled = payload.replace(SAVED_VARIABLE, (match) => {
    const value = interpolate(match, context, "json");
    return /^".*"$/.test(value) ? String(JSON.parse(value)) : value;
  });
  try {
    return JSON.parse(filled);
  } catch {
    return {};
  }
}

function rangeOf({ range }: PanelContext) {
  const from = new Date(range.fromMs).toISOString();
  const to = new Date(range.toMs).toISOString();
  return { from, to, raw: { from, to } };
}

/** The body of `POST /query`: Grafana's whole request, with the fields that a server must be able to ignore. */
export function simpodQueryBody(targets: readonly SimpodTarget[], context: PanelContext): unknown {
  return {
    app: "panel-viewer",
    requestId: "SQR1",
    timezone: "browser",
    panelId: 1,
    range: rangeOf(context),
    interval: formatInterval(context.intervalMs),
    intervalMs: context.intervalMs,
    maxDataPoints: context.maxDataPoints,
    targets: targets
      .filter((target) => target.hide !== true)
      .map((target) => ({
        refId: target.refId,
        datasource: { type: "simpod-json-datasource", uid: "tenants-simpod" },
        editorMode: target.editorMode,
        target: interpolate(target.target, context, "regex"),
        payload: simpodPayload(target.payload, context),
      })),
    // On scenes dashboards the plugin puts every variable under the key "undefined".
    scopedVars: { __sceneObject: { text: "__sceneObject" }, undefined: { selected: false, text: "x", value: "x" } },
    startTime: context.range.toMs,
    cacheTimeout: null,
  };
}

const JSON_HEADERS = { "Content-Type": "application/json" };

async function post(send: Send, path: string, body: unknown): Promise<unknown> {
  const answer = await send({
    method: "POST",
    path: `/grafana${path}`,
    headers: JSON_HEADERS,
    body: JSON.stringify(body),
  });
  if (answer.status >= 400) throw new Error(`simPod: ${answer.status} ${answer.reason}: ${answer.text}`);
  return JSON.parse(answer.text);
}

/** Asks as a panel does and gives the frames that it draws. */
export async function runSimpod(target: unknown, context: PanelContext, send: Send): Promise<readonly DataFrame[]> {
  const saved = simpodTargetSchema.parse(target);
  return toPanelFrames(await post(send, "/query", simpodQueryBody([saved], context)));
}

const optionsSchema = z.array(z.union([z.string(), z.object({ __text: z.string(), __value: z.string() })]));

/** The values of a query variable. */
export async function runSimpodVariable(query: unknown, context: PanelContext, send: Send): Promise<readonly string[]> {
  const saved = simpodVariableSchema.parse(query);
  const body = { payload: { target: interpolate(saved.query, context) }, range: rangeOf(context) };
  const options = optionsSchema.parse(await post(send, "/variable", body));
  return options.map((option) => (typeof option === "string" ? option : option.__value));
}
