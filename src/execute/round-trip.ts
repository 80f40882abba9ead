import { createReadBudget } from "../postgres/read-budget.ts";
import type { Session } from "../postgres/session.ts";
import type { Arm } from "../types.ts";
import { startDeadline, unlessAborted } from "./deadline.ts";

/** Tenants that are measured: the median of a few tells how far a fleet is. */
const SAMPLES = 5;
/** The fastest counts: on a busy machine most are late. */
const RUNS = 7;
/** A fleet that is farther away than this in every sample is not measured: a tenant that is silent must not hold up the start. */
const PATIENCE_MS = 5_000;

export interface RoundTripOptions {
  readonly openSession: () => Promise<Session>;
  readonly signal: AbortSignal;
}

/**
 * Milliseconds from the federation database to a tenant and back: the median of a few tenants, each asked on a session of its own that
 * is closed again. Null when none of them answers.
 */
export async function measureRoundTrip(probes: readonly Arm[], options: RoundTripOptions): Promise<number | null> {
  const step = Math.max(1, Math.floor(probes.length / SAMPLES));
  const sampled = probes.filter((_, index) => index % step === 0).slice(0, SAMPLES);
  const measured = await Promise.all(sampled.map((probe) => measure(probe, options).catch(() => null)));
  const known = measured.flatMap((ms) => ms ?? []).sort((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}

async function measure(probe: Arm, { openSession, signal }: RoundTripOptions): Promise<number> {
  const deadline = startDeadline(PATIENCE_MS, signal);
  const opening = openSession();
  try {
    const session = await unlessAborted(opening, deadline.signal);
    const fastest = async (sql: string): Promise<number> => {
      const times: number[] = [];
      for (let run = 0; run < RUNS; run += 1) {
        await session.idle();
        const startedAtMs = performance.now();
        await session.run(sql, { budget: createReadBudget({ maxRows: 1, maxBytes: 1_000 }), signal: deadline.signal });
        times.push(performance.now() - startedAtMs);
      }
      return Math.min(...times);
    };
    // On a warm connection a probe is answered after one round trip to the tenant. The way to the federation database and back is in both; the first
    // run connects, and is never the fastest.
    const own = await fastest("SELECT NULL");
    return Math.max(0, (await fastest(probe.sql)) - own);
  } finally {
    deadline.clear();
    void opening
      .then((session) => (deadline.signal.aborted ? session.destroy() : session.close()))
      .catch(() => undefined);
  }
}
