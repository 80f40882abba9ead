import { z } from "zod";
import type { Labels, TimeRange } from "../../../src/types.ts";
import type { BackendFrame, Cell } from "./backend-frame.ts";
import { infinityQuerySchema, runInfinityBackend } from "./infinity.ts";
import { labelKey, rowLabels } from "./long-to-wide.ts";
import type { Send } from "./wire.ts";

export const expressionSchema = z.discriminatedUnion("type", [
  z.object({
    refId: z.string(),
    type: z.literal("reduce"),
    expression: z.string(),
    reducer: z.enum(["last", "sum", "max", "min", "mean"]),
    settings: z.object({ mode: z.literal("dropNN") }),
  }),
  z.object({
    refId: z.string(),
    type: z.literal("threshold"),
    expression: z.string(),
    conditions: z
      .array(z.object({ evaluator: z.object({ type: z.enum(["gt", "lt"]), params: z.tuple([z.number()]) }) }))
      .length(1),
  }),
]);

export const alertQuerySchema = z.object({
  refId: z.string(),
  datasourceUid: z.string(),
  relativeTimeRange: z.object({ from: z.int().positive(), to: z.int().min(0) }),
  model: z.record(z.string(), z.unknown()),
});

export const alertRuleSchema = z.strictObject({
  uid: z.string().max(40),
  title: z.string(),
  condition: z.string(),
  for: z.string(),
  noDataState: z.enum(["NoData", "Alerting", "OK", "KeepLast"]),
  execErrState: z.enum(["Error", "Alerting", "OK", "KeepLast"]),
  isPaused: z.boolean(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  data: z.array(alertQuerySchema).min(2),
});

export type AlertRule = z.infer<typeof alertRuleSchema>;

interface Series {
  readonly kind: "series" | "number";
  readonly labels: Labels;
  readonly values: readonly Cell[];
}

export interface AlertInstance {
  readonly labels: Labels;
  readonly value: number;
  readonly firing: boolean;
}

/** What alerting's expressions see in a frame. Throws on everything that alerting refuses. */
export function toAlertInput(frame: BackendFrame): readonly Series[] {
  if (frame.fields.length === 0) return [];
  const valueFields = frame.fields.filter((field) => field.type === "number");
  if (frame.kind === "timeseries-wide") {
    return valueFields.map((field) => ({ kind: "series", labels: field.labels, values: field.values }));
  }
  if (frame.kind !== "numeric-long") throw new Error(`alerting cannot read a frame of kind ${frame.kind}`);
  if (frame.fields.some((field) => field.type === "time")) {
    throw new Error("looks like time series data, only reduced data can be alerted on.");
  }
  // The name of a value column is no label, so a second one gives every label set twice.
  if (valueFields.length !== 1) throw new Error(`an alert query has one value column, not ${valueFields.length}`);
  return (valueFields[0]?.values ?? []).map((value, row) => ({
    kind: "number",
    labels: rowLabels(frame.fields, row),
    values: [value],
  }));
}

function requireUniqueLabels(items: readonly Series[]): void {
  const seen = new Set<string>();
  for (const { labels } of items) {
    const key = labelKey(labels);
    if (seen.has(key)) throw new Error(`frame cannot uniquely be identified by its labels: duplicate results ${key}`);
    seen.add(key);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const REDUCERS = {
  last: (values: readonly number[]) => values.at(-1) ?? Number.NaN,
  max: (values: readonly number[]) => Math.max(...values),
  min: (values: readonly number[]) => Math.min(...values),
  mean: (values: readonly number[]) => sum(values) / values.length,
  sum,
};

type Expression = z.infer<typeof expressionSchema>;

function reduce(items: readonly Series[], expression: Extract<Expression, { type: "reduce" }>): readonly Series[] {
  return items.map((item) => {
    const numbers = item.values.filter((value) => typeof value === "number" && Number.isFinite(value)).map(Number);
    return { kind: "number", labels: item.labels, values: [REDUCERS[expression.reducer](numbers)] };
  });
}

function applyThreshold(
  items: readonly Series[],
  expression: Extract<Expression, { type: "threshold" }>,
): readonly AlertInstance[] {
  const evaluator = expression.conditions[0]?.evaluator;
  if (evaluator === undefined) throw new Error("a threshold without a condition");
  return items.map(({ kind, labels, values }) => {
    if (kind === "series") throw new Error("looks like time series data, only reduced data can be alerted on.");
    const value = Number(values[0] ?? Number.NaN);
    const limit = evaluator.params[0];
    return { labels, value, firing: evaluator.type === "gt" ? value > limit : value < limit };
  });
}

/** Evaluates a rule once at `nowMs`: its Infinity queries, then reduce and threshold. An empty list is NoData. */
export async function evaluateRule(rule: AlertRule, nowMs: number, send: Send): Promise<readonly AlertInstance[]> {
  const results = new Map<string, readonly Series[]>();
  for (const { refId, datasourceUid, relativeTimeRange, model } of rule.data) {
    if (datasourceUid !== "__expr__") {
      const range: TimeRange = {
        fromMs: nowMs - relativeTimeRange.from * 1000,
        toMs: nowMs - relativeTimeRange.to * 1000,
      };
      const frame = await runInfinityBackend(infinityQuerySchema.parse(model), range, null, send);
      const items = toAlertInput(frame);
      requireUniqueLabels(items);
      results.set(refId, items);
      continue;
    }
    const expression = expressionSchema.parse(model);
    const input = results.get(expression.expression);
    if (input === undefined) throw new Error(`${refId} refers to ${expression.expression}, which has no result`);
    if (expression.type === "threshold") return applyThreshold(input, expression);
    results.set(refId, reduce(input, expression));
  }
  throw new Error(`rule ${rule.uid} has no threshold`);
}
