import type { PgErrorFacts } from "../postgres/pg-error.ts";
import type { ReadBudget } from "../postgres/read-budget.ts";
import type { Session } from "../postgres/session.ts";
import type { Arm, TextRows } from "../types.ts";
import { startDeadline, unlessAborted } from "./deadline.ts";
import { armFault } from "./isolate-failures.ts";
import type { StuckSessions } from "./stuck-sessions.ts";
import { createTurns } from "./turns.ts";

/** What came of asking one tenant on a session of its own. */
export type LoneOutcome =
  | { readonly kind: "answered"; readonly rows: TextRows }
  | { readonly kind: "failed"; readonly facts: PgErrorFacts }
  /** Asked, and silent for that long. */
  | { readonly kind: "silent"; readonly afterMs: number }
  /** Its turn did not come in time. */
  | { readonly kind: "not_asked" };

export interface AskOptions {
  readonly budget: ReadBudget;
  readonly timeoutMs: number;
  readonly untilMs: number;
  readonly signals: readonly AbortSignal[];
}

/** Asks tenants in doubt on sessions of their own, where they hold nobody up. */
export interface LoneSessions {
  /** Rejects only when a signal aborts or the federation database, not the tenant, is at fault. */
  ask(arm: Arm, options: AskOptions): Promise<LoneOutcome>;
  close(): Promise<void>;
}

export const MAX_LONE_SESSIONS = 4;

/** At most four at once; each session is opened for one statement and closed after it. */
export function createLoneSessions(options: {
  readonly openSession: () => Promise<Session>;
  readonly stuck: StuckSessions;
  readonly now: () => number;
}): LoneSessions {
  const { openSession, stuck, now } = options;
  const turns = createTurns(MAX_LONE_SESSIONS);
  const closing = new Set<Promise<void>>();

  function closeSoon(session: Session): void {
    const closed = session.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  async function askNow(arm: Arm, { budget, timeoutMs, untilMs, signals }: AskOptions): Promise<LoneOutcome> {
    const afterMs = Math.min(timeoutMs, untilMs - now());
    const deadline = startDeadline(afterMs, ...signals);
    const opening = openSession();
    opening.then(
      (session) => deadline.signal.aborted && session.destroy(),
      () => undefined,
    );
    try {
      const session = await unlessAborted(opening, deadline.signal);
      try {
        return { kind: "answered", rows: await session.run(arm.sql, { budget, signal: deadline.signal }) };
      } finally {
        if (session.usable()) closeSoon(session);
      }
    } catch (error) {
      if (deadline.passed()) {
        stuck.note();
        return { kind: "silent", afterMs };
      }
      return { kind: "failed", facts: armFault(error) };
    } finally {
      deadline.clear();
    }
  }

  return {
    async ask(arm, ask) {
      if (stuck.tooMany()) return { kind: "not_asked" };
      const patience = startDeadline(ask.untilMs - now(), ...ask.signals);
      try {
        const leave = await turns.take(patience.signal);
        patience.clear();
        return await askNow(arm, ask).finally(leave);
      } catch (error) {
        if (patience.passed()) return { kind: "not_asked" };
        throw error;
      } finally {
        patience.clear();
      }
    },
    async close() {
      await Promise.all(closing);
    },
  };
}
