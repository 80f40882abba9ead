import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limitSilence } from "../../../src/execute/silence.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;

test("aborts after the silence, an eighth late at most", () => {
  const limit = limitSilence(800, never);
  vi.advanceTimersByTime(800);
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(100);
  expect(limit.signal.aborted).toBe(true);
  expect(limit.passed()).toBe(true);
  limit.clear();
});

test("what is heard begins it anew, however long the whole takes", () => {
  const limit = limitSilence(800, never);
  for (let turn = 0; turn < 20; turn += 1) {
    vi.advanceTimersByTime(700);
    limit.heard();
  }
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(901);
  expect(limit.passed()).toBe(true);
  limit.clear();
});

test("no time runs while it is held", () => {
  const limit = limitSilence(800, never);
  limit.hold();
  vi.advanceTimersByTime(10_000);
  expect(limit.signal.aborted).toBe(false);
  limit.heard();
  vi.advanceTimersByTime(901);
  expect(limit.passed()).toBe(true);
  limit.clear();
});

test("a stop is not a silence", () => {
  const caller = new AbortController();
  const left = limitSilence(800, caller.signal);
  caller.abort(new Error("left"));
  expect(left.signal.aborted).toBe(true);
  expect(left.passed()).toBe(false);
  expect(left.signal.reason).toEqual(new Error("left"));
  left.clear();
  expect(vi.getTimerCount()).toBe(0);
});
