import { createRequire } from "node:module";
import type { DataFrame } from "@grafana/data";

/** Grafana's own panel pipeline. Its ESM build does not load in Node, hence `require`. */
function grafanaData(): typeof import("@grafana/data") {
  return createRequire(import.meta.url)("@grafana/data");
}

/** What a panel makes of an answer: `data.map(toDataFrame)`, then the pipeline that every panel's data goes through. */
export function toPanelFrames(data: unknown): readonly DataFrame[] {
  if (!Array.isArray(data)) throw new Error("e.data.map is not a function: the answer must be an array of frames");
  const { LoadingState, dateTime, preProcessPanelData, toDataFrame } = grafanaData();
  const now = dateTime(0);
  const timeRange = { from: now, to: now, raw: { from: now, to: now } };
  const panel = { state: LoadingState.Done, series: data.map((item) => toDataFrame(item)), timeRange };
  return preProcessPanelData(panel).series;
}
