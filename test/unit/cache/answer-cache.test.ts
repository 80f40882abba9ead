import { afterEach, beforeEach, expect, test } from "vitest";
import { type AnswerCache, createAnswerCache, type RunResult } from "../../../src/cache/answer-cache.ts";
import type { Observation } from "../../../src/observation.ts";

const MAX_BYTES = 10_000;
let nowMs = 0;
let seen: Observation[] = [];
let cache: AnswerCache<string>;

beforeEach(() => {
  nowMs = 1_000_000;
  seen = [];
  cache = createAnswerCache<string>({
    maxBytes: MAX_BYTES,
    observe: (observation) => seen.push(observation),
    now: () => nowMs,
  });
});

afterEach(() => cache.close());

const all = { ttlMs: 10_000, accepts: () => true };
const never = new AbortController().signal;

function answer(value: string, bytes = 100): RunResult<string> {
  return { value, bytes, cacheable: true };
}

/** A run that ends when told. */
function pendingRun() {
  const signals: AbortSignal[] = [];
  let end: (result: RunResult<string>) => void = () => undefined;
  const result = new Promise<RunResult<string>>((resolve) => {
    end = resolve;
  });
  return {
    signals,
    end: (value: string) => end(answer(value)),
    run: (signal: AbortSignal) => {
      signals.push(signal);
      return result;
    },
  };
}

const failing = () => Promise.reject(new Error("must not run"));

test("an answer is served again until it is too old for the caller", async () => {
  expect(await cache.getOrRun("k", all, async () => answer("one"), never)).toEqual({
    value: "one",
    status: "miss",
    ageMs: 0,
  });
  nowMs += 9_999;
  expect(await cache.getOrRun("k", all, failing, never)).toEqual({ value: "one", status: "hit", ageMs: 9_999 });
  expect((await cache.getOrRun("k", { ...all, ttlMs: 5_000 }, async () => answer("two"), never)).value).toBe("two");
  nowMs += 10_000;
  expect((await cache.getOrRun("k", all, async () => answer("three"), never)).status).toBe("miss");
});

test("keys that every object has are ordinary keys", async () => {
  expect((await cache.getOrRun("constructor", all, async () => answer("own"), never)).value).toBe("own");
  expect((await cache.getOrRun("constructor", all, failing, never)).value).toBe("own");
});

test("concurrent callers share one run, with a ttl of zero too", async () => {
  const pending = pendingRun();
  const callers = [1, 2, 3].map(() => cache.getOrRun("k", { ...all, ttlMs: 0 }, pending.run, never));
  pending.end("shared");
  expect((await Promise.all(callers)).map(({ status }) => status)).toEqual(["miss", "coalesced", "coalesced"]);
  expect(pending.signals).toHaveLength(1);
  expect((await cache.getOrRun("k", { ...all, ttlMs: 0 }, async () => answer("again"), never)).status).toBe("miss");
});

test("a caller that leaves does not take the run with it; the last one does", async () => {
  const pending = pendingRun();
  const [first, second] = [new AbortController(), new AbortController()];
  const outcomes = [first, second].map(({ signal }) => cache.getOrRun("k", all, pending.run, signal));
  first.abort(new Error("left"));
  await expect(outcomes[0]).rejects.toThrow("left");
  expect(pending.signals[0]?.aborted).toBe(false);
  second.abort(new Error("left too"));
  await expect(outcomes[1]).rejects.toThrow("left too");
  expect(pending.signals[0]?.aborted).toBe(true);
  // A new caller does not join a run that was aborted.
  expect((await cache.getOrRun("k", all, async () => answer("fresh"), never)).value).toBe("fresh");
  pending.end("too late");
  await Promise.resolve();
  expect((await cache.getOrRun("k", all, failing, never)).value).toBe("fresh");
});

test("errors reach everyone who waits and are not kept", async () => {
  const failure = async () => Promise.reject(new Error("broken"));
  const callers = [1, 2].map(() => cache.getOrRun("k", all, failure, never));
  for (const caller of callers) await expect(caller).rejects.toThrow("broken");
  expect((await cache.getOrRun("k", all, async () => answer("fine"), never)).status).toBe("miss");
});

test("a caller that refuses a kept answer runs its own, and the fresh one replaces it", async () => {
  await cache.getOrRun("k", all, async () => answer("partial"), never);
  const strict = { ...all, accepts: (value: string) => value !== "partial" };
  expect(await cache.getOrRun("k", strict, async () => answer("whole"), never)).toEqual({
    value: "whole",
    status: "miss",
    ageMs: 0,
  });
  expect((await cache.getOrRun("k", strict, failing, never)).status).toBe("hit");
});

test("callers that refuse a run's outcome share one further run", async () => {
  const partial = pendingRun();
  const again = pendingRun();
  const strict = { ...all, accepts: (value: string) => value === "whole" };
  const lenient = cache.getOrRun("k", all, partial.run, never);
  const strictCallers = [1, 2, 3].map(() => cache.getOrRun("k", strict, again.run, never));
  partial.end("partial");
  expect((await lenient).value).toBe("partial");
  again.end("still partial");
  expect((await Promise.all(strictCallers)).map(({ value }) => value)).toEqual(Array(3).fill("still partial"));
  expect(again.signals).toHaveLength(1);
});

test("an error of a shorter deadline is not inherited: one of those who outlive it runs again for all", async () => {
  const late = new Error("late");
  const hurried = async (): Promise<RunResult<string>> => {
    await Promise.resolve();
    throw late;
  };
  const again = pendingRun();
  const patient = { ...all, outlives: (error: unknown) => error === late };
  const leader = cache.getOrRun("k", all, hurried, never);
  const heir = cache.getOrRun("k", all, failing, never);
  const callers = [1, 2, 3].map(() => cache.getOrRun("k", patient, again.run, never));
  await expect(leader).rejects.toBe(late);
  await expect(heir).rejects.toBe(late);
  again.end("in time");
  expect((await Promise.all(callers)).map(({ value }) => value)).toEqual(Array(3).fill("in time"));
  expect(again.signals).toHaveLength(1);
  // Its own error is a caller's own, whatever it is.
  await expect(cache.getOrRun("own", patient, hurried, never)).rejects.toBe(late);
});

test("the least recently used answers leave when bytes run out", async () => {
  for (const key of ["a", "b", "c"]) await cache.getOrRun(key, all, async () => answer(key, 2_500), never);
  await cache.getOrRun("a", all, failing, never);
  await cache.getOrRun("d", all, async () => answer("d", 2_500), never);
  expect(seen.at(-1)).toMatchObject({ kind: "cache.size", entries: 3, evicted: 1 });
  expect((await cache.getOrRun("a", all, failing, never)).status).toBe("hit");
  expect((await cache.getOrRun("b", all, async () => answer("b"), never)).status).toBe("miss");
});

test("an answer larger than the budget, or not cacheable, is given and not kept", async () => {
  const large = async () => answer("large", MAX_BYTES + 1);
  expect((await cache.getOrRun("k", all, large, never)).value).toBe("large");
  expect((await cache.getOrRun("k", all, async () => ({ ...answer("once"), cacheable: false }), never)).value).toBe(
    "once",
  );
  expect((await cache.getOrRun("k", all, async () => answer("kept"), never)).status).toBe("miss");
});
