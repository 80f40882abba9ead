import { AppError } from "../errors.ts";
import { type PgErrorFacts, pgErrorFacts } from "../postgres/pg-error.ts";
import { createReadBudget, type ReadBudget } from "../postgres/read-budget.ts";
import type { Session } from "../postgres/session.ts";
import type { TextRows } from "../types.ts";
import { startDeadline, unlessAborted } from "./deadline.ts";
import type { StuckSessions } from "./stuck-sessions.ts";
import { createTurns } from "./turns.ts";

/** What came of asking one tenant on a session of its own. */
export type LoneOutcome =
  | { readonly kind: "answered"; readonly rows: TextRows }
  | { readonly kind: "failed"; readonly facts: PgErrorFacts }
  /** Silent for that long: to the probe, or to the question, before which it may have answered the probe. */
  | { readonly kind: "silent"; readonly afterMs: number; readonly to: "probe" | "question"; readonly reached: boolean }
  /** Its turn did not come in time. */
  | { readonly kind: "not_asked" }
  /** The federation database did not give a session in time, or lost it: that says nothing of the tenant. */
  | { readonly kind: "no_session" };

/** Runs the question on the session that it is given. */
export type ReadOn = (session: Session, signal: AbortSignal) => Promise<TextRows>;

/** What an error says of the tenant that was asked; throws one that is neither PostgreSQL's nor of the way to it. */
function failureOf(error: unknown): LoneOutcome {
  if (error instanceof AppError && error.code === "FEDERATION_UNAVAILABLE") return { kind: "no_session" };
  const facts = pgErrorFacts(error);
  if (facts === null) throw error;
  const isLost = facts.kind === "connection_lost" || facts.kind === "cancelled";
  return isLost ? { kind: "no_session" } : { kind: "failed", facts };
}

/** Reads the rows of a statement within a budget. */
export function readWithin(sql: string, budget: ReadBudget): ReadOn {
  return (session, signal) => session.run(sql, { budget, signal });
}

/** Reads the answer of a statement that has no rows. */
export function readProbe(sql: string): ReadOn {
  return readWithin(sql, createReadBudget({ maxRows: 1, maxBytes: 1_000 }));
}

export interface Probe {
  readonly read: ReadOn;
  readonly withinMs: number;
  /** Called when the tenant has answered it. */
  readonly onAnswer?: () => void;
}

export interface AskOptions {
  readonly read: ReadOn;
  /** A statement that only has to reach the tenant, asked first: a tenant that does not answer it within `withinMs` is silent. */
  readonly probe?: Probe | undefined;
  /** Called when its turn has come. */
  readonly onTurn?: () => void;
  /** Callers have the sessions by rotation. */
  readonly caller?: string | undefined;
  readonly timeoutMs: number;
  readonly untilMs: number;
  readonly signals: readonly AbortSignal[];
}

/** Asks tenants in doubt on sessions of their own, where they hold nobody up. */
export interface LoneSessions {
  /** Rejects only when a signal aborts. */
  ask(options: AskOptions): Promise<LoneOutcome>;
  close(): Promise<void>;
}

const MAX_LONE_SESSIONS = 4;

/** At most four at once, those that still close included; each session is opened for one question and closed after it. */
export function createLoneSessions(options: {
  readonly openSession: () => Promise<Session>;
  readonly stuck: StuckSessions;
  readonly now: () => number;
}): LoneSessions {
  const { openSession, stuck, now } = options;
  const turns = createTurns(MAX_LONE_SESSIONS);
  const closing = new Set<Promise<void>>();

  /** Ends the session, if there is one, and then the turn; nobody needs to wait for that. */
  function closeSoon(opening: Promise<Session>, leave: () => void): void {
    const close = async (): Promise<void> => {
      const session = await opening.catch(() => null);
      await session?.idle();
      if (session?.stuck() === true) stuck.note();
      await session?.close();
    };
    const closed = close().finally(() => {
      closing.delete(closed);
      leave();
    });
    closing.add(closed);
  }

  async function askNow(
    { read, probe, timeoutMs, untilMs, signals }: AskOptions,
    leave: () => void,
  ): Promise<LoneOutcome> {
    const afterMs = Math.min(timeoutMs, untilMs - now());
    const deadline = startDeadline(afterMs, ...signals);
    const opening = openSession();
    let opened = false;
    let reached = false;
    try {
      const session = await unlessAborted(opening, deadline.signal);
      opened = true;
      if (probe !== undefined) {
        const probed = await tryProbe(session, probe, deadline.signal);
        if (probed === "silent") return { kind: "silent", afterMs: probe.withinMs, to: "probe", reached };
        reached = probed === "answered";
      }
      return { kind: "answered", rows: await read(session, deadline.signal) };
    } catch (error) {
      if (deadline.passed())
        return opened ? { kind: "silent", afterMs, to: "question", reached } : { kind: "no_session" };
      if (deadline.signal.aborted) throw error;
      return failureOf(error);
    } finally {
      deadline.clear();
      closeSoon(opening, leave);
    }
  }

  /** What comes of a probe. One that failed says nothing of the arm, which is asked next. */
  async function tryProbe(
    session: Session,
    { read, withinMs, onAnswer }: Probe,
    signal: AbortSignal,
  ): Promise<"answered" | "silent" | "failed"> {
    const patience = startDeadline(withinMs, signal);
    try {
      await read(session, patience.signal);
      onAnswer?.();
      return "answered";
    } catch {
      signal.throwIfAborted();
      return patience.passed() ? "silent" : "failed";
    } finally {
      patience.clear();
    }
  }

  return {
    async ask(ask) {
      if (stuck.tooMany()) return { kind: "not_asked" };
      const patience = startDeadline(ask.untilMs - now(), ...ask.signals);
      try {
        const leave = await turns.take(patience.signal, ask.caller);
        patience.clear();
        ask.onTurn?.();
        return await askNow(ask, leave);
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
