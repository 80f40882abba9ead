import type { Stage } from "../types.ts";

/** A `Server-Timing` header: milliseconds of each stage, `template;dur=0.4, sql;dur=1.2`; empty when there are none. */
export function serverTiming(timings: ReadonlyMap<Stage, number>): string {
  return [...timings].map(([stage, ms]) => `${stage};dur=${Number(ms.toFixed(1))}`).join(", ");
}
