import { performance } from "node:perf_hooks";
import type { Observe } from "../observation.ts";
import type { Stage } from "../types.ts";

/** Runs a stage and adds its time to the stage's. */
export type Timed = <T>(stage: Stage, work: () => Promise<T> | T) => Promise<T>;

/** Times the stages of one request, in milliseconds, and reports each as an observation. */
export function createStopwatch(observe: Observe): { readonly timings: Map<Stage, number>; readonly timed: Timed } {
  const timings = new Map<Stage, number>();
  const timed: Timed = async (stage, work) => {
    const started = performance.now();
    try {
      return await work();
    } finally {
      const ms = performance.now() - started;
      timings.set(stage, (timings.get(stage) ?? 0) + ms);
      observe({ kind: "query.stage", stage, seconds: ms / 1000 });
    }
  };
  return { timings, timed };
}

/** What all stages but the cache took: the cache's time holds theirs on a miss. */
export function timeOutsideCache(timings: ReadonlyMap<Stage, number>): number {
  let sum = 0;
  for (const [stage, ms] of timings) if (stage !== "cache") sum += ms;
  return sum;
}
