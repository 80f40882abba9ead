import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFleetExecutor, type FleetExecutor } from "../../../src/execute/executor.ts";
import type { Observation } from "../../../src/observation.ts";
import type { RunOptions, Session } from "../../../src/postgres/session.ts";
import type { Arm, TextRows } from "../../../src/types.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Sessions that measure the way to the tenants, before there are lanes. */
const MEASURED = 5;
const NO_ROWS: TextRows = { columns: [], rows: [], truncated: false };

/** A federation database whose processor connects one tenant after the other, whoever asks. A session that is stopped is lost. */
function createServer({ connectMs, silent = [] }: { connectMs: number; silent?: readonly string[] }) {
  const sessions: { readonly tenants: Set<string>; readonly alive: () => boolean; readonly lose: () => void }[] = [];
  let processor: Promise<unknown> = Promise.resolve();
  const connectOne = (): Promise<unknown> => {
    processor = processor.then(() => new Promise((resolve) => setTimeout(resolve, connectMs)));
    return processor;
  };

  function openSession(): Session {
    const tenants = new Set<string>();
    let alive = true;
    const lose = (): void => {
      alive = false;
      tenants.clear();
    };
    sessions.push({ tenants, alive: () => alive, lose });
    const work = async (sql: string): Promise<TextRows> => {
      for (const [tenant] of sql.matchAll(/t\d+/g)) {
        if (tenants.has(tenant)) continue;
        if (silent.includes(tenant)) return new Promise(() => undefined);
        await connectOne();
        tenants.add(tenant);
      }
      return NO_ROWS;
    };
    const run = (sql: string, { signal }: RunOptions): Promise<TextRows> =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => {
          lose();
          reject(signal.reason);
        });
        work(sql).then(resolve, reject);
      });
    return {
      usable: () => alive,
      idle: async () => undefined,
      run,
      destroy: lose,
      close: async () => lose(),
      stream: async () => true,
      describe: async () => [],
      explain: async () => null,
    };
  }
  /** Of the lanes; the first sessions measure the way to the tenants. */
  const lanes = () => sessions.slice(MEASURED);
  return { openSession, lanes, connections: () => lanes().map(({ tenants }) => tenants.size) };
}

function createFleet(count: number, server: ReturnType<typeof createServer>) {
  const seen: Observation[] = [];
  const executor = createFleetExecutor({
    openSession: async () => server.openSession(),
    lanes: 4,
    laneGroups: 2,
    connectionBudget: 100,
    tenantDeadlineMs: 10_000,
    observe: (observation) => seen.push(observation),
  });
  const probes = Array.from({ length: count }, (_, index): Arm => ({ tenant: `t${index}`, sql: `SELECT t${index}` }));
  return { executor, probes, seen };
}

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
