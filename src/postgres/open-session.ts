import pgPromise from "pg-promise";
import { pgErrorFacts, SessionLost } from "./pg-error.ts";
import { type RawClient, socketOf } from "./raw-client.ts";
import { createSession, LEAST_PATIENCE, type Session, type SessionPatience } from "./session.ts";
import { sessionOptions, withSessionOptions } from "./session-options.ts";

export interface SessionOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** As they are for a session that is near the few tenants which it asks, when absent. */
  readonly patience?: SessionPatience;
}

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
    try {
      await checkStrings(connected, options.connectTimeoutMs);
      return createSession(connected.client, async () => connected.done(), options.patience ?? LEAST_PATIENCE);
    } catch (error) {
      socketOf(connected.client).destroy();
      await connected.done();
      throw error;
    }
  } finally {
    await db.$pool.end();
  }
}

/**
 * With the parser's setting the other way round, a string ends elsewhere for the server than for our parser. The limit on connecting ends with the
 * login: a server that falls silent after it would be waited for until the kernel gives up.
 */
async function checkStrings(connected: pgPromise.IConnected<unknown, RawClient>, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => socketOf(connected.client).destroy(), timeoutMs);
  try {
    const { standard_conforming_strings: strings } = await connected.one("SHOW standard_conforming_strings");
    if (strings !== "on") throw new SessionLost(new Error("standard_conforming_strings must be on"));
  } finally {
    clearTimeout(timer);
  }
}
