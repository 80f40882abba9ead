import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { steadyNow } from "../../../src/execute/deadline.ts";
import type { FleetExecutor } from "../../../src/execute/executor.ts";
import type { Arm } from "../../../src/types.ts";
import { createFleet, createServer, MEASURED } from "./fake-server.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Milliseconds until the lanes are connected. */
async function follow(executor: FleetExecutor, probes: readonly Arm[], withinMs: number): Promise<number> {
  const startedAtMs = Date.now();
  let endedAtMs = Number.NaN;
  void executor.follow({ probes, sessions: 100 }).then(() => {
    endedAtMs = Date.now();
  });
  await vi.advanceTimersByTimeAsync(withinMs);
  return endedAtMs - startedAtMs;
}

test("a fleet that takes longer to connect than a statement may run is connected all the same", async () => {
  const server = createServer({ connectMs: 30 });
  const { executor, probes, seen } = createFleet(400, server);
  expect(await follow(executor, probes, 60_000)).toBe((MEASURED + 2 * 400) * 30);
  expect(server.connections()).toEqual(Array(8).fill(100));
  expect(seen.filter(({ kind }) => kind === "lane.replaced")).toEqual([]);
});

test("silent tenants are waited for together, and the others are connected without them", async () => {
  const silent = ["t0", "t4", "t8", "t12", "t16"];
  const server = createServer({ connectMs: 30, silent });
  const { executor, probes } = createFleet(40, server);
  expect(await follow(executor, probes, 60_000)).toBeLessThan(30_000);
  const alive = server.lanes().filter(({ alive }) => alive());
  const connected = alive.map(({ tenants }) => tenants.size).filter((tenants) => tenants > 0);
  expect(connected.toSorted((a, b) => a - b)).toEqual([5, 5, 10, 10, 10, 10, 10, 10]);
});

test("a lane that lost its session is connected again, and one that lacks nothing is left alone", async () => {
  const server = createServer({ connectMs: 30 });
  const { executor, probes } = createFleet(40, server);
  await follow(executor, probes, 10_000);
  server.lanes()[0]?.lose();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(server.connections()).toEqual([0, ...Array(8).fill(10)]);
});

test("a fleet that grows while its lanes are being connected is ready when the newcomers are connected too", async () => {
  const server = createServer({ connectMs: 30 });
  const { executor, probes } = createFleet(44, server);
  void executor.follow({ probes: probes.slice(0, 40), sessions: 100 });
  await vi.advanceTimersByTimeAsync(1_000);
  await follow(executor, probes, 20_000);
  const connected = server.lanes().flatMap(({ tenants, alive }) => (alive() ? [tenants.size] : []));
  expect(connected).toEqual(Array(8).fill(11));
});

test("a lane whose tenants moved while it asked them does not stay connected to them", async () => {
  const server = createServer({ connectMs: 30 });
  const { executor, probes } = createFleet(40, server);
  await follow(executor, probes, 10_000);
  // Each has to be connected to somebody new, so that the fleet changes between a lane's first tenant and its last.
  const arms = probes.map(({ tenant, sql }): Arm => ({ tenant, sql: `${sql}, ${tenant}00` }));
  const sink = { take: () => true, full: () => null, complete: () => true, drop: () => undefined };
  const asked = executor.streamArms(arms, {
    sinkFor: () => sink,
    priority: "interactive",
    deadlineAtMs: steadyNow() + 60_000,
    signal: new AbortController().signal,
  });
  await follow(executor, probes.slice(0, 36), 20_000);
  expect((await asked).failures).toEqual([]);
  await vi.advanceTimersByTimeAsync(5_000);
  const alive = server.lanes().filter(({ alive }) => alive());
  const gone = ["t36", "t37", "t38", "t39"];
  expect(alive.flatMap(({ tenants }) => gone.filter((tenant) => tenants.has(tenant)))).toEqual([]);
  expect(alive).toHaveLength(8);
});
