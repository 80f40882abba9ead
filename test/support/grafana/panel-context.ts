import type { TimeRange } from "../../../src/types.ts";

/** What a variable holds: one value, several, or the text of an `allValue`, which no format touches. */
export type VariableValue = string | readonly string[] | { readonly allValue: string };

/** What Grafana knows when a panel asks: the range, the interval of its width, and the dashboard's variables. */
export interface PanelContext {
  readonly range: TimeRange;
  readonly intervalMs: number;
  readonly maxDataPoints: number;
  readonly variables: ReadonlyMap<string, VariableValue>;
}

/** Milliseconds as Grafana prints intervals: one unit, cut off, `90000` is `1m`. */
export function formatInterval(intervalMs: number): string {
  const units = [
    ["y", 365 * 86_400_000],
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const;
  for (const [unit, size] of units) {
    if (intervalMs >= size) return `${Math.floor(intervalMs / size)}${unit}`;
  }
  return `${Math.max(1, intervalMs)}ms`;
}
