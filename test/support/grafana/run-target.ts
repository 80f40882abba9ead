import type { DataFrame } from "@grafana/data";
import type { BackendFrame } from "./backend-frame.ts";
import { infinityQuerySchema, runInfinityAsIs, runInfinityBackend } from "./infinity.ts";
import { type JsonApiFrame, runJsonApi } from "./json-api.ts";
import type { PanelContext } from "./panel-context.ts";
import type { Target } from "./provisioning.ts";
import { runSimpod } from "./simpod.ts";
import type { Send } from "./wire.ts";

/** What a panel has to draw, whichever plugin fetched it. */
export interface PanelData {
  /** Numbers that are there. */
  readonly values: number;
  /** Tenants that labels, a `tenant` column or the names of grouped frames tell of. */
  readonly tenants: readonly string[];
  /** A time field and a number field in every frame. */
  readonly isTimeSeries: boolean;
  readonly notices: readonly string[];
}

interface PlainField {
  readonly name: string;
  readonly type: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly values: readonly unknown[];
}

function summarise(frames: readonly (readonly PlainField[])[], named: readonly string[]): Omit<PanelData, "notices"> {
  const fields = frames.flat();
  const numbers = fields.filter(({ type }) => type === "number").flatMap(({ values }) => values);
  const labels = fields.flatMap((field) => field.labels?.tenant ?? []);
  const columns = fields.filter(({ name }) => name === "tenant").flatMap(({ values }) => values.map(String));
  const isSeries = (frame: readonly PlainField[]): boolean =>
    ["time", "number"].every((type) => frame.some((field) => field.type === type));
  // A list of tenants has no numbers: there its texts are the values.
  const values = fields.some(({ type }) => type === "number") ? numbers.filter(Number.isFinite) : columns;
  return {
    values: values.length,
    tenants: [...new Set([...labels, ...columns, ...named])],
    isTimeSeries: frames.length > 0 && frames.every(isSeries),
  };
}

function ofPanelFrames(frames: readonly DataFrame[]): PanelData {
  const fields = frames.map((frame) =>
    frame.fields.map(({ name, type, labels, values }): PlainField => ({ name, type: String(type), labels, values })),
  );
  const notices = frames.flatMap(({ meta }) => meta?.notices?.map(({ text }) => text) ?? []);
  return { ...summarise(fields, []), notices };
}

function ofBackendFrame(frame: BackendFrame): PanelData {
  return { ...summarise([frame.fields], []), notices: [] };
}

function ofJsonApiFrames(frames: readonly JsonApiFrame[], grouped: boolean): PanelData {
  const named = grouped ? frames.map(({ name }) => name) : [];
  return {
    ...summarise(
      frames.map(({ fields }) => fields),
      named,
    ),
    notices: [],
  };
}

/** Asks what a panel's target asks, by the client of its plugin. */
export async function runTarget(target: Target, context: PanelContext, send: Send): Promise<PanelData> {
  switch (target.datasource.type) {
    case "yesoreyeram-infinity-datasource": {
      const query = infinityQuerySchema.parse(target);
      if (query.format === "as-is") return ofPanelFrames(await runInfinityAsIs(query, context, send));
      return ofBackendFrame(await runInfinityBackend(query, context.range, context, send));
    }
    case "simpod-json-datasource":
      return ofPanelFrames(await runSimpod(target, context, send));
    case "marcusolsson-json-datasource":
      return ofJsonApiFrames(await runJsonApi(target, context, send), target.experimentalGroupByField === "tenant");
    default:
      throw new Error(`no client for ${target.datasource.type}`);
  }
}
