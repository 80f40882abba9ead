import type { Observe } from "../observation.ts";
import type { Session } from "../postgres/session.ts";
import { unlessAborted } from "./deadline.ts";
import { createTurns } from "./turns.ts";

export type ReplaceCause = "timeout" | "connection" | "cancelled";

/** Whose statement it is. */
export interface Asker {
  /** A lane that several callers wait for is theirs by rotation. */
  readonly caller?: string | undefined;
  /** The same for questions that belong together: those that follow each other on a lane share a transaction, which saves round trips. */
  readonly together?: symbol | undefined;
}

/** One session on the federation database that owns a fixed share of the tenants, and the queue before it. */
export interface Lane {
  readonly group: number;
  readonly index: number;
  /** Statements that run or wait. */
  load(): number;
  /** Milliseconds for which the statement that has the turn has had it; 0 when none has. */
  heldMs(): number;
  /** Resolves when it is this statement's turn. */
  take(signal: AbortSignal, asker?: Asker): Promise<LaneTurn>;
  /** The lane's session, opened when there is none. To be called in a turn. */
  session(signal: AbortSignal): Promise<Session>;
  /** Throws away a session whose connection was lost. */
  discard(): void;
  /** True when its session has asked the tenant: it is connected to it then, if the tenant answered. */
  hasAsked(tenant: string): boolean;
  /** Remembers tenants that its session is about to ask. */
  noteAsked(tenants: readonly string[]): void;
  /** The tenant was down: whether its session is still connected to it nobody knows. */
  forget(tenant: string): void;
  /** Closes the session when its turn comes, with its connections to tenants; the next statement has a new one. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

export interface LaneTurn {
  /** Resolves when somebody else wants the turn. */
  readonly wanted: Promise<void>;
  /**
   * Hands the turn on: at once, with the transaction, when the next statement shares it, else as soon as the session is clean, or gone; nobody
   * needs to wait for that. False when it is stuck: it was stopped for `cause`, and its clean-up may take the server 30 s for each tenant that went
   * silent.
   */
  end(cause: ReplaceCause): Promise<boolean>;
}

export interface LaneOptions {
  readonly group: number;
  readonly index: number;
  readonly openSession: () => Promise<Session>;
  readonly observe: Observe;
}

/** A lane without a session: that is opened on first use, so that lanes without tenants cost none. */
export function createLane({ group, index, openSession, observe }: LaneOptions): Lane {
  const turns = createTurns(1);
  let current: Session | null = null;
  let opening: Promise<Session> | null = null;
  let closed = false;
  let asked = new Set<string>();
  let takenAtMs: number | null = null;
  let want = (): void => undefined;

  /** True when the next statement runs in the transaction of this one. */
  function isShared(together: symbol | undefined): boolean {
    return together !== undefined && turns.next() === together && current?.keeps(together) === true;
  }

  async function open(): Promise<Session> {
    try {
      const session = await openSession();
      if (closed) session.destroy();
      current = session;
      asked = new Set();
      return session;
    } finally {
      opening = null;
    }
  }

  function discard(cause: ReplaceCause): void {
    if (current === null) return;
    current.destroy();
    current = null;
    observe({ kind: "lane.replaced", group, lane: index, cause });
  }

  async function kept(cause: ReplaceCause): Promise<boolean> {
    await current?.idle();
    if (closed || current === null || current.usable()) return true;
    const isStuck = current.stuck();
    discard(isStuck ? cause : "connection");
    return !isStuck;
  }

  return {
    group,
    index,
    load: turns.load,
    heldMs: () => (takenAtMs === null ? 0 : performance.now() - takenAtMs),
    async take(signal, { caller, together } = {}) {
      want();
      const leave = await turns.take(signal, caller, together);
      takenAtMs = performance.now();
      const wanted = new Promise<void>((resolve) => {
        want = resolve;
      });
      if (turns.load() > 1) want();
      const end = (): void => {
        takenAtMs = null;
        leave();
      };
      return {
        wanted,
        end: async (cause) => {
          if (!isShared(together)) return kept(cause).finally(end);
          end();
          return true;
        },
      };
    },
    discard: () => discard("connection"),
    hasAsked: (tenant) => current?.usable() === true && asked.has(tenant),
    noteAsked(tenants) {
      for (const tenant of tenants) asked.add(tenant);
    },
    forget: (tenant) => asked.delete(tenant),
    async renew() {
      want();
      const leave = await turns.take(new AbortController().signal);
      try {
        await opening?.catch(() => undefined);
        const session = current;
        current = null;
        await session?.close();
      } finally {
        leave();
      }
    },
    async session(signal) {
      if (current?.usable()) return current;
      discard("connection");
      // An opening that its statement no longer waits for is the next statement's.
      opening ??= open();
      return unlessAborted(opening, signal);
    },
    async close() {
      closed = true;
      await opening?.catch(() => undefined);
      await current?.close();
    },
  };
}
