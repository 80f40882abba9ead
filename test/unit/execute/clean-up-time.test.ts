import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createCleanUpTime } from "../../../src/execute/clean-up-time.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Whether the lanes may clean up by now. */
function watch(due: Promise<void>): () => Promise<boolean> {
  let is = false;
  void due.then(() => {
    is = true;
  });
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return is;
  };
}

test("lanes clean up when the answer is on its way", async () => {
  const time = createCleanUpTime();
  const isDue = watch(time.due);
  time.laneDone();
  time.laneDone();
  await vi.advanceTimersByTimeAsync(50);
  time.allDone();
  await vi.advanceTimersByTimeAsync(9);
  expect(await isDue()).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await isDue()).toBe(true);
});

test("lanes that are done wait a tenth of a second for the others, and no longer", async () => {
  const time = createCleanUpTime();
  const isDue = watch(time.due);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await isDue()).toBe(false);
  time.laneDone();
  await vi.advanceTimersByTimeAsync(99);
  expect(await isDue()).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await isDue()).toBe(true);
});
