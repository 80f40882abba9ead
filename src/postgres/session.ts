import { z } from "zod";
import type { ResultColumn, TextRows } from "../types.ts";
import { sendCancelRequest } from "./cancel-request.ts";
import { describeStatement } from "./describe-statement.ts";
import { tapMessages } from "./message-tap.ts";
import { pgErrorFacts, SessionLost } from "./pg-error.ts";
import { type RawClient, socketOf } from "./raw-client.ts";
import type { ReadBudget } from "./read-budget.ts";
import { readRows } from "./read-rows.ts";
import type { Aftermath, Closing, ParameterValue } from "./read-statement.ts";
import { type RowSink, streamRows } from "./stream-rows.ts";

/** How long a session may take to become clean before it is ended, with its connections to tenants. */
export interface SessionPatience {
  /** After a statement was cancelled. */
  readonly cancelMs: number;
  /** After one that ended well. */
  readonly cleanUpMs: number;
}

export interface ExplainOptions {
  /** How many parameters the statement has; it is planned with a null for each. */
  readonly parameters: number;
}

export interface RunOptions {
  readonly values?: readonly ParameterValue[];
  readonly budget: ReadBudget;
  readonly signal: AbortSignal;
  /** Leaves the clean-up of a statement that ended well until somebody waits for the session to be idle. */
  readonly cleanUpLater?: boolean;
  /** Runs in the transaction that `keepTransaction` kept for it, if it did. */
  readonly together?: symbol | undefined;
}

/**
 * One connection to the federation database, for one statement at a time. Errors are the server's, `SessionLost`,
 * or the signal's reason. User SQL comes here and nowhere else: one statement, read-only, always rolled back.
 */
export interface Session {
  /** False once the connection has ended; such a session is of no more use. */
  usable(): boolean;
  /** True when it was ended since it did not stop when told, or did not become clean: the server may need half a minute to end it. */
  stuck(): boolean;
  /** Begins a clean-up that was left for later; resolves when the session is clean for the next statement, or has ended. */
  idle(): Promise<void>;
  /** Keeps the transaction of a statement whose clean-up was left for later, for the statements of `together`. False when there is none. */
  keepTransaction(together: symbol): boolean;
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
/**
 * A cancelled session near its tenants is usable in about 10 ms, and its connections to them are worth that; one that waits for a silent tenant is
 * not for 30 s and more. Closing a statement takes two round trips to every tenant of a lane; a tenant that went silent may take for ever, and others wait.
 */
export const LEAST_PATIENCE: SessionPatience = { cancelMs: 250, cleanUpMs: 3_000 };
const TEXT_FORM = { getTypeParser: () => (value: string) => value };
const NOT_BEGUN = Promise.resolve<Aftermath>("unclean");
const AT_ONCE = Promise.resolve<Closing>("roll back");
const explained = z.array(z.tuple([z.string()]));

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
  let onLargeRow = (): void => undefined;
  /** Closes the statement whose clean-up was left for later. */
  let closeLater: ((closing: Closing) => void) | null = null;
  /** Statements that the open transaction has had; 0 when none is open. */
  let earlier = 0;
  let keptFor: symbol | null = null;
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });

  const lose = (): void => {
    alive = false;
    onEnd();
  };
  client.on("error", lose);
  client.on("end", lose);

  function destroy(): void {
    if (!alive) return;
    if (busy) void sendCancelRequest(cancelTarget(client));
    socket.destroy();
    lose();
  }

  const giveUp = (): void => {
    stuck = alive;
    destroy();
  };

  // What is too large to read has to stop at once, and nothing after it can be read.
  const tap = tapMessages(socket, ({ isRow }) => {
    if (isRow) onLargeRow();
    destroy();
  });

  /** Stops the running statement: by a cancel request, or by the end of the session when that does not help soon. */
  function interrupt(): void {
    cancelSent = true;
    cancelling = sendCancelRequest(cancelTarget(client));
    const timer = setTimeout(giveUp, patience.cancelMs);
    void idle().then(() => clearTimeout(timer));
  }

  function closeWaiting(closing: Closing): boolean {
    const close = closeLater;
    closeLater = null;
    close?.(closing);
    return close !== null;
  }

  const settled = (): Promise<void> => Promise.race([clean, ended]);

  const idle = (): Promise<void> => {
    closeWaiting("roll back");
    if (keptFor !== null) clean = clean.then(rollBackKept);
    keptFor = null;
    return settled();
  };

  /**
   * Sees to it that a statement is rolled back, which undoes settings, and what outlives a transaction discarded, such as advisory locks. A
   * statement that ended well does both itself, or keeps its transaction.
   */
  async function cleanUp(closed: Promise<Aftermath>): Promise<void> {
    const timer = setTimeout(giveUp, patience.cleanUpMs);
    try {
      const aftermath = await Promise.race([closed, ended.then(() => "clean" as const)]);
      earlier = aftermath === "open" ? earlier + 1 : 0;
      if (aftermath !== "unclean") return;
      await client.query("ROLLBACK");
      await client.query("DISCARD ALL");
    } catch {
      destroy();
    } finally {
      clearTimeout(timer);
    }
  }

  const rollBackKept = async (): Promise<void> => {
    if (alive && earlier > 0) await cleanUp(NOT_BEGUN);
  };

  /** Gives `work` the connection once it is clean, and turns errors of the socket into `SessionLost`. */
  function use<T>(
    work: () => Promise<T>,
    tidy: () => Promise<void>,
    { signal, together }: Pick<RunOptions, "signal" | "together">,
  ): Promise<T> {
    const joins = together !== undefined && together === keptFor;
    if (joins) keptFor = null;
    const before = joins ? settled() : idle();
    let running = false;
    const start = async (): Promise<T> => {
      await before;
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

  const later = (): Promise<Closing> =>
    new Promise((resolve) => {
      closeLater = resolve;
    });

  const interrupting = { interrupt, interrupted: () => cancelSent };

  return {
    usable: () => alive,
    stuck: () => stuck,
    idle,
    keepTransaction(together) {
      if (!alive || !closeWaiting("keep transaction")) return false;
      keptFor = together;
      return true;
    },
    destroy,
    async run(sql, { values = [], budget, signal, cleanUpLater = false, together }) {
      const text = oneText(sql);
      let closed = NOT_BEGUN;
      const work = async (): Promise<TextRows> => {
        const mayClose = cleanUpLater ? later() : AT_ONCE;
        const reading = readRows(client, text, { values, budget, earlier, mayClose, ...interrupting });
        closed = reading.closed;
        onLargeRow = reading.cut;
        return reading.rows.catch((error: unknown) => {
          closeLater = null;
          throw error;
        });
      };
      return use(work, () => cleanUp(closed), { signal, together });
    },
    async stream(sql, { sink, signal }) {
      const text = oneText(sql);
      let closed = NOT_BEGUN;
      const work = async (): Promise<boolean> => {
        const options = { values: [], sink, tap, earlier: 0, mayClose: AT_ONCE, ...interrupting };
        const streaming = streamRows(client, text, options);
        closed = streaming.closed;
        onLargeRow = streaming.cut;
        signal.addEventListener("abort", streaming.cut, { once: true });
        return streaming.complete.finally(() => signal.removeEventListener("abort", streaming.cut));
      };
      return use(work, () => cleanUp(closed), { signal });
    },
    async describe(sql, signal) {
      const text = oneText(sql);
      return use(
        () => describeStatement(client, text),
        async () => undefined,
        { signal },
      );
    },
    async explain(sql, signal, { parameters } = { parameters: 0 }) {
      const text = oneText(`EXPLAIN (VERBOSE, FORMAT JSON) ${sql}`);
      // Planning runs nothing, so it needs no transaction of its own; the extended protocol takes no second statement.
      const values = Array.from({ length: parameters }, () => null);
      const work = () => client.query({ text, values, queryMode: "extended", rowMode: "array", types: TEXT_FORM });
      const plan = await use(work, async () => undefined, { signal });
      return JSON.parse(explained.parse(plan.rows)[0]?.[0] ?? "null");
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

function cancelTarget(client: RawClient) {
  return {
    host: client.host,
    port: client.port,
    ssl: client.ssl ?? false,
    processId: client.processID,
    secretKey: client.secretKey,
  };
}

/** The outcome of `work`, or the signal's reason as soon as it aborts; then `stop` is called and the outcome dropped. */
async function settleOrAbort<T>(work: () => Promise<T>, stop: () => unknown, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
