import type { AnswerSummary } from "../protocols/route.ts";
import { STAGES, type Stage, type StreamedAnswer } from "../types.ts";

/** The headers that tell of a query's answer: the cache, its age, the time of every stage, and the coverage. `ANSWER_HEADERS` describes them. */
export function answerHeaders({
  cache,
  ageSeconds,
  timings,
  coverage,
}: AnswerSummary): Readonly<Record<string, string>> {
  return {
    "X-Cache": cache,
    Age: String(Math.max(0, Math.floor(ageSeconds))),
    "Server-Timing": serverTiming(timings),
    "X-Tenants-Expected": String(coverage.expected),
    "X-Tenants-Answered": String(coverage.answered),
    "X-Tenants-Failed": String(coverage.failed.length),
    ...(coverage.stale === undefined ? {} : { "X-Tenants-Stale": String(coverage.stale.length) }),
    // Only when it is so: a header that is always there is one that nobody looks at.
    ...(coverage.truncated ? { "X-Truncated": "true" } : {}),
  };
}

/** The headers of an answer whose end is not known yet: what `answerHeaders` says that is. */
export function streamHeaders({ expected, timings }: Pick<StreamedAnswer, "expected" | "timings">) {
  return {
    "X-Cache": "miss",
    Age: "0",
    "Server-Timing": serverTiming(timings),
    "X-Tenants-Expected": String(expected),
  };
}

function serverTiming(timings: ReadonlyMap<Stage, number>): string {
  return STAGES.map((stage) => `${stage};dur=${(timings.get(stage) ?? 0).toFixed(2)}`).join(", ");
}
