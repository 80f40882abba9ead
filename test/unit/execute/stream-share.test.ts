import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { steadyNow } from "../../../src/execute/deadline.ts";
import type { FleetExecutor } from "../../../src/execute/executor.ts";
import type { Arm, GatheredRows } from "../../../src/types.ts";
import { createFleet, createServer } from "./fake-server.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What comes of it after so many seconds at most: the answer, or the error's code. */
async function stream(executor: FleetExecutor, arms: readonly Arm[], seconds: number): Promise<unknown> {
  const sink = { take: () => true, full: () => null, complete: () => true, drop: () => undefined };
  let outcome: unknown = "nothing";
  void executor
    .streamArms(arms, {
      sinkFor: () => sink,
      priority: "interactive",
      deadlineAtMs: steadyNow() + seconds * 1_000,
      signal: new AbortController().signal,
    })
    .then(
      ({ failures }: GatheredRows) => {
        outcome = failures;
      },
      ({ code }) => {
        outcome = code;
      },
    );
  for (let ms = 0; ms < seconds * 1_000 && outcome === "nothing"; ms += 100) await vi.advanceTimersByTimeAsync(100);
  return outcome;
}

async function connected(executor: FleetExecutor, probes: readonly Arm[]): Promise<void> {
  void executor.follow({ probes, sessions: 100 });
  await vi.advanceTimersByTimeAsync(10_000);
}

test("when the federation database falls silent no tenant is blamed, however many are asked at once", async () => {
  const server = createServer({ connectMs: 10 });
  const { executor, probes } = createFleet(12, server);
  await connected(executor, probes);
  server.freeze();
  expect(await stream(executor, probes, 60)).toBe("FEDERATION_UNAVAILABLE");
  expect(executor.doubts()).toEqual([]);
});

test("a tenant on trial may take long over its rows, and is trusted for them", async () => {
  const server = createServer({ connectMs: 10 });
  const { executor, probes } = createFleet(2, server);
  await connected(executor, probes);
  server.fallSilent("t0");
  expect(await stream(executor, probes, 60)).toMatchObject([{ tenant: "t0", reason: "timeout" }]);
  expect(executor.doubts()).toMatchObject([{ tenant: "t0", state: "open" }]);
  server.speak("t0");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(executor.doubts()).toMatchObject([{ tenant: "t0", state: "half-open" }]);
  // Thirty seconds, of which none of ten is without a row; the deadline of a tenant is ten.
  const slow = { tenant: "t0", sql: `SELECT t0 ${"row 6000 ".repeat(5)}` };
  expect(await stream(executor, [slow], 60)).toEqual([]);
  expect(executor.doubts()).toEqual([]);
});

test("a tenant on trial that answers the probe and is silent to the question is trusted with every other question", async () => {
  const server = createServer({ connectMs: 10, silent: ["t0"] });
  const { executor, probes } = createFleet(2, server);
  await connected(executor, probes);
  server.speak("t0");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(executor.doubts()).toMatchObject([{ tenant: "t0", state: "half-open" }]);
  const stuck = { tenant: "t0", sql: "SELECT t0 row 3000 row 60000" };
  expect(await stream(executor, [stuck], 60)).toMatchObject([
    { tenant: "t0", reason: "timeout", detail: "no answer within 10.0 s" },
  ]);
  expect(executor.doubts()).toEqual([]);
  // Not asked again so soon, not with another number either; another question is.
  const again = { tenant: "t0", sql: "SELECT t0 row 3001 row 60000" };
  expect(await stream(executor, [again], 1)).toMatchObject([{ tenant: "t0", reason: "timeout" }]);
  expect(await stream(executor, [{ tenant: "t0", sql: "SELECT t0 row 10" }], 60)).toEqual([]);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(await stream(executor, [{ tenant: "t0", sql: "SELECT t0 row 30 row 60" }], 60)).toEqual([]);
  expect(await stream(executor, [stuck], 8)).toMatchObject([{ tenant: "t0", reason: "timeout", inconclusive: true }]);
});
