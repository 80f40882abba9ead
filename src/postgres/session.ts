import pgPromise from "pg-promise";
import { z } from "zod";
import type { ResultColumn, TextRows } from "../types.ts";
import { sendCancelRequest } from "./cancel-request.ts";
import { describeStatement } from "./describe-statement.ts";
import { tapMessages } from "./message-tap.ts";
import { pgErrorFacts, SessionLost } from "./pg-error.ts";
import { type RawClient, socketOf } from "./raw-client.ts";
import type { ReadBudget } from "./read-budget.ts";
import { readRows } from "./read-rows.ts";
import type { ParameterValue } from "./read-statement.ts";
import { sessionOptions, withSessionOptions } from "./session-options.ts";
import { type RowSink, streamRows } from "./stream-rows.ts";

export interface SessionOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export interface ExplainOptions {
  /** How many parameters the statement has; it is planned with a null for each. */
  readonly parameters: number;
}

export interface RunOptions {
  readonly values?: readonly ParameterValue[];
  readonly budget: ReadBudget;
  readonly signal: AbortSignal;
}

/**
 * One connection to the federation database, for one statement at a time. Errors are the server's, `SessionLost`,
 * or the signal's reason. User SQL comes here and nowhere else: one statement, read-only, always rolled back.
 */
export interface Session {
  /** False once the connection has ended; such a session is of no more use. */
  usable(): boolean;
  /** Resolves when the session is clean for the next statement, or has ended. */
  idle(): Promise<void>;
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
// A cancelled session is usable in about 10 ms, and its connections to the tenants are worth that; one that waits for a silent
// tenant is not for 30 s and more.
const CANCEL_PATIENCE_MS = 250;
// Closing a statement takes two round trips to every tenant of a lane; a tenant that went silent may take for ever, and others wait.
const CLEAN_UP_PATIENCE_MS = 3_000;
const TEXT_FORM = { getTypeParser: () => (value: string) => value };
const NOT_BEGUN = Promise.resolve(false);
const explained = z.array(z.tuple([z.string()]));

/** Connects. Rejects with the error of `pg` when the server cannot be reached or refuses the login or the settings. */
export async function openSession(options: SessionOptions): Promise<Session> {
  try {
    return await connect(options, { watchClient: true });
  } catch (error) {
    // Before PostgreSQL 14, and where the kernel cannot tell, the server refuses client_connection_check_interval.
    const refused = ["22023", "42704"].includes(pgErrorFacts(error)?.sqlstate ?? "");
    if (!refused) throw error;
    return connect(options, { watchClient: false });
  }
}

async function connect(options: SessionOptions, { watchClient }: { readonly watchClient: boolean }): Promise<Session> {
  const startup = sessionOptions({ statementTimeoutMs: options.statementTimeoutMs, watchClient });
  const db = pgPromise({ noWarnings: true })({
    ...withSessionOptions(options.url, startup),
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
  });
  try {
    const connected = await db.connect({ direct: true });
    // With the parser's setting the other way round, a string ends elsewhere for the server than for our parser.
    const { standard_conforming_strings: strings } = await connected.one("SHOW standard_conforming_strings");
    if (strings !== "on") {
      await connected.done();
      throw new SessionLost(new Error("standard_conforming_strings must be on"));
    }
    return createSession(connected.client, async () => connected.done());
  } finally {
    await db.$pool.end();
  }
}

function createSession(client: RawClient, end: () => Promise<void>): Session {
  const socket = socketOf(client);
  let alive = true;
  let busy = false;
  let clean: Promise<void> = Promise.resolve();
  let cancelling: Promise<void> = Promise.resolve();
  let cancelSent = false;
  let onEnd = (): void => undefined;
  let onLargeRow = (): void => undefined;
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

  // What is too large to read has to stop at once, and nothing after it can be read.
  const tap = tapMessages(socket, ({ isRow }) => {
    if (isRow) onLargeRow();
    destroy();
  });

  /** Stops the running statement: by a cancel request, or by the end of the session when that does not help soon. */
  function interrupt(): void {
    cancelSent = true;
    cancelling = sendCancelRequest(cancelTarget(client));
    const timer = setTimeout(destroy, CANCEL_PATIENCE_MS);
    void idle().then(() => clearTimeout(timer));
  }

  const idle = (): Promise<void> => Promise.race([clean, ended]);

  /**
   * Sees to it that a statement is rolled back, which undoes settings, and what outlives a transaction discarded, such as advisory locks. A
   * statement that ended well does both itself.
   */
  async function cleanUp(cleaned: Promise<boolean>): Promise<void> {
    const timer = setTimeout(destroy, CLEAN_UP_PATIENCE_MS);
    try {
      if (await Promise.race([cleaned, ended.then(() => true)])) return;
      await client.query("ROLLBACK");
      await client.query("DISCARD ALL");
    } catch {
      destroy();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives `work` the connection once it is clean, and turns errors of the socket into `SessionLost`. */
  function use<T>(work: () => Promise<T>, tidy: () => Promise<void>, signal: AbortSignal): Promise<T> {
    const before = idle();
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
      if (!running) return;
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

  const interrupting = { interrupt, interrupted: () => cancelSent };

  return {
    usable: () => alive,
    idle,
    destroy,
    async run(sql, { values = [], budget, signal }) {
      const text = oneText(sql);
      let cleaned = NOT_BEGUN;
      const work = async (): Promise<TextRows> => {
        const reading = readRows(client, text, { values, budget, ...interrupting });
        cleaned = reading.cleaned;
        onLargeRow = reading.cut;
        return reading.rows;
      };
      return use(work, () => cleanUp(cleaned), signal);
    },
    async stream(sql, { sink, signal }) {
      const text = oneText(sql);
      let cleaned = NOT_BEGUN;
      const work = async (): Promise<boolean> => {
        const streaming = streamRows(client, text, { values: [], sink, tap, ...interrupting });
        cleaned = streaming.cleaned;
        onLargeRow = streaming.cut;
        signal.addEventListener("abort", streaming.cut, { once: true });
        return streaming.complete.finally(() => signal.removeEventListener("abort", streaming.cut));
      };
      return use(work, () => cleanUp(cleaned), signal);
    },
    async describe(sql, signal) {
      const text = oneText(sql);
      return use(
        () => describeStatement(client, text),
        async () => undefined,
        signal,
      );
    },
    async explain(sql, signal, { parameters } = { parameters: 0 }) {
      const text = oneText(`EXPLAIN (VERBOSE, FORMAT JSON) ${sql}`);
      // Planning runs nothing, so it needs no transaction of its own; the extended protocol takes no second statement.
      const values = Array.from({ length: parameters }, () => null);
      const work = () => client.query({ text, values, queryMode: "extended", rowMode: "array", types: TEXT_FORM });
      const plan = await use(work, async () => undefined, signal);
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
