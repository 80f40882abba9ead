import type { ExplainOptions } from "../postgres/explain-statement.ts";
import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { pgErrorFacts } from "../postgres/pg-error.ts";
import type { RunOptions, Session } from "../postgres/session.ts";
import type { ResultColumn, TextRows } from "../types.ts";
import { deadlineExceeded, ExecutionError } from "./execution-error.ts";
import { createSessionPool } from "./session-pool.ts";

/** Statements that belong to no lane: blocks that run once over gathered rows, descriptions, plans. */
export interface OuterStatements {
  run(sql: string, options: RunOptions): Promise<TextRows>;
  describe(sql: string, signal: AbortSignal): Promise<readonly ResultColumn[]>;
  explain(sql: string, signal: AbortSignal, options?: ExplainOptions): Promise<unknown>;
  close(): Promise<void>;
}

const OUTER_SESSIONS = 4;

/** On up to four sessions of their own: an outer block must not wait behind another query's arms. */
export function createOuterStatements({
  openSession,
}: {
  readonly openSession: () => Promise<Session>;
}): OuterStatements {
  const pool = createSessionPool({ openSession, size: OUTER_SESSIONS });

  // All statements are reads, so one whose connection was lost can be run again: the session may have died long ago.
  async function attempt<T>(work: (session: Session) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await pool.use(work, signal);
      } catch (error) {
        const facts = pgErrorFacts(error);
        if (facts === null || signal.aborted) throw error;
        if (facts.kind === "cancelled") throw deadlineExceeded();
        if (facts.kind !== "connection_lost") throw new ExecutionError(facts, error);
        if (tries === 2) throw federationUnavailable(error);
      }
    }
  }

  return {
    run: (sql, options) => attempt((session) => session.run(sql, options), options.signal),
    describe: (sql, signal) => attempt((session) => session.describe(sql, signal), signal),
    explain: (sql, signal, options) => attempt((session) => session.explain(sql, signal, options), signal),
    close: () => pool.close(),
  };
}
