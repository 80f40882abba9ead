import { Socket } from "node:net";
import pgPromise from "pg-promise";
import type { ResultColumn, TextRows } from "../types.ts";
import { sendCancelRequest } from "./cancel-request.ts";
import { describeStatement } from "./describe-statement.ts";
import { pgErrorFacts, SessionLost } from "./pg-error.ts";
import type { RawClient } from "./raw-client.ts";
import { createReadBudget, type ReadBudget } from "./read-budget.ts";
import { type ParameterValue, readRows } from "./read-rows.ts";
import { sessionOptions, withSessionOptions } from "./session-options.ts";

export interface SessionOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
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
  /** Columns of a statement, which is not run. */
  describe(sql: string, signal: AbortSignal): Promise<readonly ResultColumn[]>;
  /** The plan of a statement, as `EXPLAIN (VERBOSE, FORMAT JSON)` gives it; the statement is not run. */
  explain(sql: string, signal: AbortSignal): Promise<unknown>;
  /** Rows of a statement, in text form. Abort cancels it on the server and ends the session. */
  run(sql: string, options: RunOptions): Promise<TextRows>;
  /** Ends the session at once and waits for nothing; a running statement is cancelled. */
  destroy(): void;
  /** Ends the session after its clean-up, or after two seconds. */
  close(): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 2_000;
const EXPLAIN_BUDGET = { maxRows: 1, maxBytes: 64 * 1024 * 1024 };

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
  let alive = true;
  let busy = false;
  let cleanUp: Promise<void> = Promise.resolve();

  client.on("error", () => {
    alive = false;
  });
  client.on("end", () => {
    alive = false;
  });

  function destroy(): void {
    if (!alive) return;
    alive = false;
    if (busy) void sendCancelRequest(cancelTarget(client));
    const { stream } = client.connection;
    if (stream instanceof Socket) stream.destroy();
  }

  /** Rolls back, which undoes settings, and discards what outlives a transaction, such as advisory locks. */
  async function tidy(): Promise<void> {
    try {
      await client.query("ROLLBACK");
      await client.query("DISCARD ALL");
      busy = false;
    } catch {
      destroy();
    }
  }

  /** Gives `work` the connection once it is clean, and turns errors of the socket into `SessionLost`. */
  async function use<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return settleOrAbort(
      async () => {
        await cleanUp;
        if (!alive) throw new SessionLost();
        busy = true;
        try {
          return await work();
        } catch (error) {
          throw pgErrorFacts(error) === null ? new SessionLost(error) : error;
        }
      },
      destroy,
      signal,
    );
  }

  async function run(sql: string, { values = [], budget, signal }: RunOptions): Promise<TextRows> {
    const text = oneText(sql);
    return use(async () => {
      try {
        await client.query("BEGIN READ ONLY");
        return await readRows(client, text, values, budget);
      } finally {
        cleanUp = tidy();
      }
    }, signal);
  }

  return {
    usable: () => alive,
    run,
    destroy,
    async describe(sql, signal) {
      const text = oneText(sql);
      return use(
        () =>
          describeStatement(client, text).finally(() => {
            busy = false;
          }),
        signal,
      );
    },
    async explain(sql, signal) {
      const plan = await run(`EXPLAIN (VERBOSE, FORMAT JSON) ${sql}`, {
        budget: createReadBudget(EXPLAIN_BUDGET),
        signal,
      });
      return JSON.parse(plan.rows[0]?.[0] ?? "null");
    },
    async close() {
      const timer = setTimeout(destroy, CLOSE_TIMEOUT_MS);
      await cleanUp;
      if (alive) await end().catch(() => undefined);
      alive = false;
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
async function settleOrAbort<T>(work: () => Promise<T>, stop: () => void, signal: AbortSignal): Promise<T> {
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
