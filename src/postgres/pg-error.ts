import { z } from "zod";

/** What an error of a session means for the caller, decided by SQLSTATE and fields, never by message text. */
export type PgErrorKind =
  | "unreachable" // a tenant's database cannot be reached from the federation database
  | "connection_lost" // the session with the federation database has ended
  | "timeout" // the tenant cancelled the statement: its own statement_timeout
  | "cancelled" // the federation database cancelled it: statement_timeout or a cancel request
  | "missing_relation"
  | "missing_column"
  | "query";

/** An error of PostgreSQL or of the connection to it, free of hosts, logins and remote SQL. */
export interface PgErrorFacts {
  /** Null when the connection ended without a word. */
  readonly sqlstate: string | null;
  readonly kind: PgErrorKind;
  /** True when the error was raised on a tenant's database, or on the way to it. */
  readonly remote: boolean;
  /** A sentence that a caller may read. */
  readonly message: string;
  /** Character in the statement that was sent, counted from 1. */
  readonly position?: number;
}

/** The session has ended: its socket was closed, by the server, by the network or by us. */
export class SessionLost extends Error {
  constructor(cause?: unknown) {
    super("the session with the federation database has ended", cause === undefined ? undefined : { cause });
    this.name = "SessionLost";
  }
}

// `severity` tells a server's error from Node's: EPIPE has five characters too.
const serverError = z.object({
  severity: z.string(),
  code: z.string().length(5),
  message: z.string(),
  where: z.string().optional(),
  position: z.coerce.number().int().positive().optional(),
});

/** Facts of an error, or null when it is neither PostgreSQL's nor the connection's. */
export function pgErrorFacts(error: unknown): PgErrorFacts | null {
  if (error instanceof SessionLost) {
    const cause = error.cause === undefined ? null : pgErrorFacts(error.cause);
    return { sqlstate: cause?.sqlstate ?? null, kind: "connection_lost", remote: false, message: LOST };
  }
  const parsed = serverError.safeParse(error);
  if (!parsed.success) return null;
  const { code, message, where, position } = parsed.data;
  const remote = isRemote(code, where ?? "");
  const kind = kindOf(code, remote);
  return {
    sqlstate: code,
    kind,
    remote,
    message: safeMessage(code, kind, remote, message),
    ...(position === undefined ? {} : { position }),
  };
}

// A server reports class 08 only of a foreign server: when its own connection fails there is nobody to report to.
function isRemote(sqlstate: string, where: string): boolean {
  return sqlstate.startsWith("08") || sqlstate.startsWith("HV") || where.includes("remote SQL command");
}

function kindOf(sqlstate: string, remote: boolean): PgErrorKind {
  if (sqlstate.startsWith("08") || sqlstate === "HV00N") return "unreachable";
  if (["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"].includes(sqlstate))
    return remote ? "unreachable" : "connection_lost";
  if (sqlstate === "57014") return remote ? "timeout" : "cancelled";
  if (sqlstate === "42P01" || sqlstate === "HV00R") return "missing_relation";
  if (sqlstate === "42703" || sqlstate === "HV005") return "missing_column";
  return "query";
}

const LOST = "the connection to the federation database was lost";

const SENTENCES: Readonly<Partial<Record<PgErrorKind, string>>> = {
  unreachable: "the tenant's database cannot be reached",
  connection_lost: LOST,
  timeout: "the tenant's database stopped the statement: it took too long",
  cancelled: "the federation database stopped the statement: it took too long",
};

const REMOTE_SENTENCES: Readonly<Partial<Record<PgErrorKind, string>>> = {
  missing_relation: "the tenant's database lacks a relation of the query",
  missing_column: "the tenant's database lacks a column of the query",
};

const CONDITIONS: Readonly<Record<string, string>> = {
  "21000": "more than one row from a sub-select",
  "22003": "number out of range",
  "22007": "invalid date or time",
  "22008": "date or time out of range",
  "22012": "division by zero",
  "22P02": "a value does not fit its type",
  "25006": "the connection is read-only",
  "42501": "permission denied",
  "42883": "no such function or operator",
  "53200": "out of memory",
  "55P03": "a lock is held for too long",
};

// Remote texts may hold anything that the tenant's code raises, and 42704 may name a login ("user mapping not found"):
// those are described by their SQLSTATE. Texts of the federation database speak of the SQL that the caller sent.
function safeMessage(sqlstate: string, kind: PgErrorKind, remote: boolean, message: string): string {
  const sentence = SENTENCES[kind] ?? (remote ? REMOTE_SENTENCES[kind] : undefined);
  if (sentence !== undefined) return sentence;
  const condition = CONDITIONS[sqlstate];
  const named = condition === undefined ? `SQLSTATE ${sqlstate}` : `${condition} (SQLSTATE ${sqlstate})`;
  if (remote) return `the tenant's database refused the query: ${named}`;
  const speaksOfTheSql = ["0A", "20", "21", "22", "42"].includes(sqlstate.slice(0, 2)) && sqlstate !== "42704";
  return speaksOfTheSql ? message : `the federation database refused the query: ${named}`;
}
