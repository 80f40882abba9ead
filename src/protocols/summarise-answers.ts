import { type Answer, type CacheStatus, STAGES, type Stage } from "../types.ts";
import type { AnswerSummary } from "./route.ts";

/**
 * What the headers say of several answers that go out as one: the coverage of the worst (truncated when any is), the age of the oldest, the
 * longest time of each stage (they ran side by side), and `partial-hit` where the cache did not treat them alike.
 */
export function summariseAnswers(answers: readonly Answer[]): AnswerSummary | null {
  const [first, ...others] = answers;
  if (first === undefined) return null;
  const worst = others.reduce((worse, answer) => (missingShare(answer) > missingShare(worse) ? answer : worse), first);
  return {
    coverage: { ...worst.coverage, truncated: answers.some(({ coverage }) => coverage.truncated) },
    cache: others.every((answer) => answer.cache === first.cache) ? first.cache : ("partial-hit" satisfies CacheStatus),
    ageSeconds: Math.max(...answers.map((answer) => answer.ageSeconds)),
    timings: new Map(STAGES.flatMap((stage) => longest(answers, stage))),
  };
}

function missingShare({ coverage }: Answer): number {
  return coverage.expected === 0 ? 0 : 1 - coverage.answered / coverage.expected;
}

function longest(answers: readonly Answer[], stage: Stage): [Stage, number][] {
  const times = answers.flatMap((answer) => answer.timings.get(stage) ?? []);
  return times.length === 0 ? [] : [[stage, Math.max(...times)]];
}
