import type { ResultColumn, TextRows } from "../types.ts";
import { cancelStatementOf } from "./cancel-request.ts";
import { describeStatement } from "./describe-statement.ts";
import { type ExplainOptions, explainStatement } from "./explain-statement.ts";
import { MAX_MESSAGE_BYTES, tapMessages } from "./message-tap.ts";
import { isOfTheTransaction, MessageTooLarge, pgErrorFacts, SessionLost } from "./pg-error.ts";
import { type RawClient, socketOf } from "./raw-client.ts";
import type { ReadBudget } from "./read-budget.ts";
import { readRows } from "./read-rows.ts";
import type { Aftermath, Closing, ParameterValue } from "./read-statement.ts";
import { settleOrAbort } from "./settle-or-abort.ts";
import { type RowSink, streamRows } from "./stream-rows.ts";

/** How long a session may take to become clean before it is ended, with its connections to tenants. */
export interface SessionPatience {
  /** After a statement was cancelled. */
  readonly cancelMs: number;
  /** After one that ended well. */
  readonly cleanUpMs: number;
}

export interface RunOptions {
  readonly values?: readonly ParameterValue[];
  readonly budget: ReadBudget;
  readonly signal: AbortSignal;
  /** Leaves the clean-up of a statement that ended well until somebody waits for the session to be idle. */
  readonly cleanUpLater?: boolean;
  /** The same for statements that may share a transaction: it runs in that of the statement before where `keeps` says so. */
  readonly together?: symbol | undefined;
}

/**
 * One connection to the federation database, for one statement at a time. Errors are the server's, `SessionLost`,
 * or the signal's reason. User SQL comes here and nowhere else: one statement, in a transaction that is read-only and always rolled back.
 */
export interface Session {
  /** False once the connection has ended; such a session is of no more use. */
  usable(): boolean;
  /** True when it was ended since it did not stop when told, or did not become clean: the server may need half a minute to end it. */
  stuck(): boolean;
  /** Begins a clean-up that was left for later; resolves when the session is clean for the next statement, or has ended. */
  idle(): Promise<void>;
  /** True when the clean-up of a statement of `together` was left for later, and its transaction takes another one. */
  keeps(together: symbol): boolean;
  /** Columns of a statement, which is not run. */
  describe(sql: string, signal: AbortSignal): Promise<readonly ResultColumn[]>;
  /** The plan of a statement, as `EXPLAIN (VERBOSE, FORMAT JSON)` gives it; the statement is not run. */
  explain(sql: string, signal: AbortSignal, options?: ExplainOptions): Promise<unknown>;
  /** Rows of a statement, in text form. Abort cancels it on the server; a session that is not clean soon after is ended. */
  run(sql: string, options: RunOptions): Promise<TextRows>;
  /** Gives the rows of a statement to a sink, past pg. Resolves with false when the sink had no room for all of them. Abort does what it does to `run`. */
  stream(sql: string, options: { readonly sink: RowSink; readonly signal: AbortSignal }): Promise<boolean>;
  /** Ends the session at once and waits for nothing; a running statement is cancelled. */
  destroy(): void;
  /** Ends the session after its clean-up, or after two seconds. */
  close(): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 2_000;
/** No statement joins a transaction that is older: it keeps locks and a snapshot on every tenant that one of its statements asked. */
const LATEST_JOIN_MS = 1_000;
const MOST_STATEMENTS = 8;
/**
 * A cancelled session near its tenants is usable in about 10 ms, and its connections to them are worth that; one that waits for a silent tenant is
 * not for 30 s and more. Rolling back takes a round trip to every tenant of a lane; a tenant that went silent may take for ever, and others wait.
 */
export const LEAST_PATIENCE: SessionPatience = { cancelMs: 250, cleanUpMs: 3_000 };
const UNCLEAN = Promise.resolve<Aftermath>("unclean");
/** What is not run leaves nothing to clean up. */
const asItIs = async (): Promise<void> => undefined;
const AT_ONCE = Promise.resolve<Closing>("roll back");

/** The session of a client that is connected; `end` says goodbye to the server. */
export function createSession(client: RawClient, end: () => Promise<void>, patience: SessionPatience): Session {
  const socket = socketOf(client);
  let alive = true;
  let stuck = false;
  let busy = false;
  let clean: Promise<void> = Promise.resolve();
  let cancelling: Promise<void> = Promise.resolve();
  let cancelSent = false;
  let onEnd = (): void => undefined;
  let onTooLarge = (_error: Error): void => undefined;
  /** The statement whose clean-up was left for later. */
  let waiting: { readonly together: symbol | undefined; readonly close: (closing: Closing) => void } | null = null;
  /** Statements that the open transaction has had before the last one; 0 when there were none, or no transaction is open. */
  let earlier = 0;
  let begunAtMs = 0;
  /** What the server said last. */
  let inTransaction = false;
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });

  const lose = (): void => {
    alive = false;
    onEnd();
  };
  client.on("error", lose);
  client.on("end", lose);
  client.connection.on("readyForQuery", ({ status }: { readonly status: string }) => {
    inTransaction = status === "T";
  });

  function destroy(): void {
    if (!alive) return;
    if (busy) void cancelStatementOf(client);
    socket.destroy();
    lose();
  }

  const giveUp = (): void => {
    stuck = alive;
    destroy();
  };

  // What is too large to read has to stop at once, and nothing after it can be read.
  const tap = tapMessages(socket, () => {
    onTooLarge(new MessageTooLarge(MAX_MESSAGE_BYTES));
    destroy();
  });

  /** Stops the running statement: by a cancel request, or by the end of the session when that does not help soon. */
  function interrupt(): void {
    cancelSent = true;
    cancelling = cancelStatementOf(client);
    const timer = setTimeout(giveUp, patience.cancelMs);
    void idle().then(() => clearTimeout(timer));
  }

  function closeWaiting(closing: Closing): void {
    waiting?.close(closing);
    waiting = null;
  }

  const closed = (): Promise<void> => Promise.race([clean, ended]);

  const idle = (): Promise<void> => {
    closeWaiting("roll back");
    return closed();
  };

  const keeps = (together: symbol | undefined): boolean =>
    alive &&
    together !== undefined &&
    waiting?.together === together &&
    earlier + 1 < MOST_STATEMENTS &&
    performance.now() - begunAtMs < LATEST_JOIN_MS;

  /**
   * Sees to it that a statement is rolled back, which undoes settings, and what outlives a transaction discarded, such as advisory locks. A
   * statement that ended well does both itself, or keeps its transaction.
   */
  async function cleanUp(closing: Promise<Aftermath>): Promise<void> {
    const timer = setTimeout(giveUp, patience.cleanUpMs);
    try {
      const aftermath = await Promise.race([closing, ended.then(() => "clean" as const)]);
      const isOpen = aftermath === "open" && inTransaction;
      earlier = isOpen ? earlier + 1 : 0;
      if (isOpen || aftermath === "clean") return;
      await client.query("ROLLBACK");
      await client.query("DISCARD ALL");
    } catch {
      destroy();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends a transaction that was kept for a statement which does not come. */
  async function rollBackKept(): Promise<void> {
    if (!alive || earlier === 0) return;
    busy = true;
    await cleanUp(UNCLEAN);
    busy = false;
  }

  /** Gives `work` the connection once it is clean, and turns errors of the socket into `SessionLost`. */
  function use<T>(
    work: () => Promise<T>,
    tidy: () => Promise<void>,
    { signal, together }: Pick<RunOptions, "signal" | "together">,
  ): Promise<T> {
    let running = false;
    const start = async (): Promise<T> => {
      const joins = keeps(together);
      closeWaiting(joins ? "keep transaction" : "roll back");
      await closed();
      signal.throwIfAborted();
      if (!alive) throw new SessionLost();
      busy = true;
      running = true;
      cancelSent = false;
      return work().catch((error: unknown) => {
        throw pgErrorFacts(error) === null ? new SessionLost(error) : error;
      });
    };
    const finish = async (): Promise<void> => {
      if (!running) return rollBackKept();
      running = false;
      // A cancel request that comes late would hit the next statement.
      await cancelling;
      if (alive) await tidy();
      busy = false;
    };
    return settleOrAbort(
      () => {
        const outcome = start();
        clean = outcome.then(finish, finish);
        return outcome;
      },
      // While it waits for the clean-up of another statement there is nothing to stop.
      () => running && interrupt(),
      signal,
    );
  }

  const later = (together: symbol | undefined): Promise<Closing> =>
    new Promise((close) => {
      waiting = { together, close };
    });

  const interrupting = { interrupt, interrupted: () => cancelSent };

  async function runOnce(
    sql: string,
    { values = [], budget, signal, cleanUpLater = false, together }: RunOptions,
  ): Promise<TextRows> {
    const text = oneText(sql);
    let closing = UNCLEAN;
    const work = async (): Promise<TextRows> => {
      if (earlier === 0) begunAtMs = performance.now();
      const mayClose = cleanUpLater ? later(together) : AT_ONCE;
      const reading = readRows(client, text, { values, budget, earlier, mayClose, ...interrupting });
      closing = reading.closed;
      onTooLarge = reading.fail;
      try {
        const answer = await reading.rows;
        // More of it may be on its way: nothing follows that in its transaction.
        if (answer.truncated) closeWaiting("roll back");
        return answer;
      } catch (error) {
        waiting = null;
        throw error;
      }
    };
    return use(work, () => cleanUp(closing), { signal, together });
  }

  return {
    usable: () => alive,
    stuck: () => stuck,
    idle,
    keeps,
    destroy,
    async run(sql, options) {
      const mayFailForTheOthers = keeps(options.together);
      try {
        return await runOnce(sql, options);
      } catch (error) {
        if (!mayFailForTheOthers || !isOfTheTransaction(error) || options.signal.aborted) throw error;
        return runOnce(sql, options);
      }
    },
    async stream(sql, { sink, signal }) {
      const text = oneText(sql);
      let closing = UNCLEAN;
      const work = async (): Promise<boolean> => {
        const options = { values: [], sink, tap, earlier: 0, mayClose: AT_ONCE, ...interrupting };
        const streaming = streamRows(client, text, options);
        closing = streaming.closed;
        onTooLarge = streaming.fail;
        signal.addEventListener("abort", streaming.cut, { once: true });
        return streaming.complete.finally(() => signal.removeEventListener("abort", streaming.cut));
      };
      return use(work, () => cleanUp(closing), { signal });
    },
    async describe(sql, signal) {
      const text = oneText(sql);
      return use(() => describeStatement(client, text), asItIs, { signal });
    },
    async explain(sql, signal, options = { parameters: 0 }) {
      const text = oneText(sql);
      return use(() => explainStatement(client, text, options), asItIs, { signal });
    },
    async close() {
      const timer = setTimeout(destroy, CLOSE_TIMEOUT_MS);
      await idle();
      if (alive) await end().catch(() => undefined);
      lose();
      clearTimeout(timer);
    },
  };
}

// The protocol ends a statement's text at a NUL: what follows would be read as another field of the message.
function oneText(sql: string): string {
  if (sql.includes("\0")) throw new RangeError("a statement cannot hold a NUL");
  return sql;
}
