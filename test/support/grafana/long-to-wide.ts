import type { Labels } from "../../../src/types.ts";
import type { BackendField, BackendFrame, Cell } from "./backend-frame.ts";

type Framed = Pick<BackendFrame, "fields" | "rowCount">;

const isDimension = (field: BackendField): boolean => field.type === "string" || field.type === "boolean";

/** The text that tells label sets apart. */
export function labelKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The string and bool columns of one row, as labels. */
export function rowLabels(fields: readonly BackendField[], row: number): Labels {
  return Object.fromEntries(fields.filter(isDimension).map((field) => [field.name, String(field.values[row] ?? "")]));
}

function ascendingTimes(time: BackendField): readonly number[] {
  let previous = Number.NEGATIVE_INFINITY;
  return time.values.map((value, row) => {
    // The plugin swallows this failure, takes the frame for numbers and alerts on nonsense. Here it is an error.
    if (typeof value !== "number" || Number.isNaN(value)) throw new Error(`long to wide: row ${row} has no time`);
    if (value < previous) throw new Error(`long to wide: row ${row} is older than the row before it`);
    previous = value;
    return value;
  });
}

/**
 * The wide frame of rows (time, labels…, values…): one field for each value column and label set, null where a series
 * has no row at a time. Throws where Grafana would go on with wrong data: times not ascending, or two rows of one
 * series at one time, of which the later silently wins there.
 */
export function longToWide(frame: Framed, time: BackendField): BackendFrame {
  const times = ascendingTimes(time);
  const instants = [...new Set(times)];
  const positions = new Map(instants.map((instant, index) => [instant, index]));
  const valueFields = frame.fields.filter((field) => field.type === "number");
  const series = new Map<string, { readonly name: string; readonly labels: Labels; readonly values: Cell[] }>();
  const taken = new Set<string>();
  for (const [row, instant] of times.entries()) {
    const labels = rowLabels(frame.fields, row);
    const slot = `${instant} ${labelKey(labels)}`;
    if (taken.has(slot)) throw new Error(`long to wide: two rows at ${instant} with labels ${labelKey(labels)}`);
    taken.add(slot);
    for (const field of valueFields) {
      const key = `${field.name} ${labelKey(labels)}`;
      const entry = series.get(key) ?? { name: field.name, labels, values: instants.map(() => null) };
      entry.values[positions.get(instant) ?? 0] = field.values[row] ?? null;
      series.set(key, entry);
    }
  }
  const wide = [...series.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const fields = wide.map(([, { name, labels, values }]): BackendField => ({ name, type: "number", labels, values }));
  const timeField: BackendField = { name: time.name, type: "time", labels: {}, values: instants };
  return { kind: "timeseries-wide", fields: [timeField, ...fields], rowCount: instants.length };
}

/** What the backend parser does to a frame after parsing it: wide series for `timeseries`, a numeric kind otherwise. */
export function postProcess(frame: Framed, format: "table" | "timeseries"): BackendFrame {
  const numeric = frame.fields.some((field) => field.type === "number");
  const time = frame.fields.find((field) => field.type === "time");
  const dimensions = frame.fields.some(isDimension);
  if (format === "timeseries" && time !== undefined && dimensions && numeric) return longToWide(frame, time);
  if (numeric && (frame.rowCount === 1 || (frame.rowCount > 1 && dimensions)))
    return { ...frame, kind: "numeric-long" };
  const wide = frame.rowCount <= 1 && frame.fields.some((field) => field.type === "number" || field.type === "boolean");
  return { ...frame, kind: wide ? "numeric-wide" : "none" };
}
