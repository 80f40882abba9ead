import { Buffer } from "node:buffer";
import { unlessAborted } from "../../../src/execute/deadline.ts";
import { createFleetExecutor } from "../../../src/execute/executor.ts";
import type { Observation } from "../../../src/observation.ts";
import type { RunOptions, Session } from "../../../src/postgres/session.ts";
import type { Arm, TextRows } from "../../../src/types.ts";

/** Sessions that measure the way to the tenants, before there are lanes. */
export const MEASURED = 5;
const ROW = Buffer.alloc(8);
const NO_ROWS: TextRows = { columns: [], rows: [], truncated: false };

/**
 * A federation database whose processor connects one tenant after the other, whoever asks. A session that is stopped is lost. A streamed statement gives
 * a row for each `row` that it has, with so many milliseconds before it.
 */
export function createServer({ connectMs, silent = [] }: { connectMs: number; silent?: readonly string[] }) {
  const mute = new Set(silent);
  let frozen = false;
  const sessions: { readonly tenants: Set<string>; readonly alive: () => boolean; readonly lose: () => void }[] = [];
  let processor: Promise<unknown> = Promise.resolve();
  const connectOne = (): Promise<unknown> => {
    processor = processor.then(() => new Promise((resolve) => setTimeout(resolve, connectMs)));
    return processor;
  };

  async function openSession(): Promise<Session> {
    if (frozen) return new Promise(() => undefined);
    const tenants = new Set<string>();
    let alive = true;
    const lose = (): void => {
      alive = false;
      tenants.clear();
    };
    sessions.push({ tenants, alive: () => alive, lose });
    const work = async (sql: string): Promise<TextRows> => {
      for (const [tenant] of sql.matchAll(/t\d+/g)) {
        if (tenants.has(tenant) && !frozen && !mute.has(tenant)) continue;
        if (frozen || mute.has(tenant)) return new Promise(() => undefined);
        await connectOne();
        tenants.add(tenant);
      }
      return NO_ROWS;
    };
    const run = (sql: string, { signal }: Pick<RunOptions, "signal">): Promise<TextRows> =>
      new Promise<TextRows>((resolve, reject) => {
        const stop = (): void => {
          lose();
          reject(signal.reason);
        };
        signal.addEventListener("abort", stop, { once: true });
        void work(sql)
          .then(resolve, reject)
          .finally(() => signal.removeEventListener("abort", stop));
      });
    return {
      usable: () => alive,
      stuck: () => !alive,
      idle: async () => undefined,
      keeps: () => false,
      run,
      destroy: lose,
      close: async () => lose(),
      async stream(sql, { sink, signal }) {
        await run(sql, { signal });
        for (const [, ms] of sql.matchAll(/row (\d+)/g)) {
          await unlessAborted(new Promise((resolve) => setTimeout(resolve, Number(ms))), signal);
          sink.take(ROW, 0, ROW.length);
        }
        return true;
      },
      describe: async () => [],
      explain: async () => null,
    };
  }
  /** Of the lanes; the first sessions measure the way to the tenants. */
  const lanes = () => sessions.slice(MEASURED);
  return {
    openSession,
    lanes,
    /** The tenant answers again. */
    speak: (tenant: string) => mute.delete(tenant),
    /** From now on the tenant accepts everything and answers nothing. */
    fallSilent: (tenant: string) => mute.add(tenant),
    /** From now on nothing is answered, and no session opened. */
    freeze: () => {
      frozen = true;
    },
    connections: () => lanes().map(({ tenants }) => tenants.size),
  };
}

/** An executor on it, of four lanes in each of two groups, and a probe for each tenant. */
export function createFleet(count: number, server: ReturnType<typeof createServer>) {
  const seen: Observation[] = [];
  const executor = createFleetExecutor({
    openSession: server.openSession,
    lanes: 4,
    laneGroups: 2,
    scheduledGroup: false,
    connectionBudget: 100,
    tenantDeadlineMs: 10_000,
    observe: (observation) => seen.push(observation),
  });
  const probes = Array.from({ length: count }, (_, index): Arm => ({ tenant: `t${index}`, sql: `SELECT t${index}` }));
  return { executor, probes, seen };
}
