import { z } from "zod";

/** What an error of a session means for the caller, decided by SQLSTATE and fields, never by the message. */
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

/** A row has more bytes than can be read, or an error has that quotes one. The session has ended: nothing after it can be read. */
export class MessageTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`a row, or an error, has more than ${Math.floor(maxBytes / 1024 / 1024)} MiB, which is too much to read`);
    this.name = "MessageTooLarge";
  }
}

// `severity` tells a server's error from Node's: EPIPE has five characters too.
const serverError = z.object({
  severity: z.string(),
  code: z.string().length(5),
  message: z.string(),
  detail: z.string().optional(),
  where: z.string().optional(),
  routine: z.string().optional(),
  position: z.coerce.number().int().positive().optional(),
});

type ServerError = z.output<typeof serverError>;

/** True when the PgBouncer before a tenant refuses the startup parameter `options` of postgres_fdw's connection. */
export function refusesOptions(error: unknown): boolean {
  const parsed = serverError.safeParse(error);
  return parsed.success && isOptionsRefusal(parsed.data);
}

// While connecting, postgres_fdw has 08001 for everything and the reason in words alone. PgBouncer's are never translated, and choose a
// sentence here, not a kind.
function isOptionsRefusal({ code, detail }: ServerError): boolean {
  return code === "08001" && detail?.includes("unsupported startup parameter") === true;
}

/** SQLSTATE of what passes a limit of the program, as `MessageTooLarge` does. */
const LIMIT_EXCEEDED = "54000";

/** True when an error that only one of several tenants' arms had speaks of the tenant's data, and will come again. */
export function speaksOfTheTenant({ remote, sqlstate }: PgErrorFacts): boolean {
  return remote || sqlstate === LIMIT_EXCEEDED;
}

/**
 * True when a statement failed for the transaction that it joined, and may do well in one of its own: a tenant's connection that was lost since is
 * not made anew within a transaction, and a standby may refuse an old snapshot (class 40).
 */
export function isOfTheTransaction(error: unknown): boolean {
  const facts = pgErrorFacts(error);
  return facts?.kind === "unreachable" || facts?.sqlstate?.startsWith("40") === true;
}

/** Facts of an error, or null when it is neither PostgreSQL's nor the connection's. */
export function pgErrorFacts(error: unknown): PgErrorFacts | null {
  if (error instanceof SessionLost) {
    const cause = error.cause === undefined ? null : pgErrorFacts(error.cause);
    return { sqlstate: cause?.sqlstate ?? null, kind: "connection_lost", remote: false, message: LOST };
  }
  if (error instanceof MessageTooLarge)
    return { sqlstate: LIMIT_EXCEEDED, kind: "query", remote: false, message: error.message };
  const parsed = serverError.safeParse(error);
  if (!parsed.success) return null;
  const { severity, code, message, where = "", position } = parsed.data;
  const remote = isRemote(code, where);
  // A refusal that ends the session is the session's end, whatever it says: poolers tell everything as FATAL 08P01.
  const kind = !remote && severity === "FATAL" && code.startsWith("08") ? "connection_lost" : kindOf(code, remote);
  return {
    sqlstate: code,
    kind,
    remote,
    message: setUpFault(parsed.data, remote) ?? misfit(code, where) ?? safeMessage(code, kind, remote, message),
    ...(position === undefined ? {} : { position }),
  };
}

// What postgres_fdw reports of its own connection to a tenant. Others of class 08, such as 08P01, are the session's with us.
const TENANT_CONNECTION = new Set(["08000", "08001", "08003", "08004", "08006"]);

// No field says where an error was raised. The context that postgres_fdw adds is in no catalog of translations.
function isRemote(sqlstate: string, where: string): boolean {
  return (
    TENANT_CONNECTION.has(sqlstate) ||
    sqlstate.startsWith("HV") ||
    where.includes("remote SQL command") ||
    isMisfit(where)
  );
}

// A value that came from a tenant does not fit the column of the foreign table: PostgreSQL's own text shows it.
function isMisfit(where: string): boolean {
  return where.includes("of foreign table");
}

function kindOf(sqlstate: string, remote: boolean): PgErrorKind {
  if (TENANT_CONNECTION.has(sqlstate) || sqlstate === "HV00N") return "unreachable";
  if (["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"].includes(sqlstate))
    return remote ? "unreachable" : "connection_lost";
  if (sqlstate === "57014") return remote ? "timeout" : "cancelled";
  if (sqlstate === "42P01" || sqlstate === "HV00R") return "missing_relation";
  if (sqlstate === "42703" || sqlstate === "HV005") return "missing_column";
  return "query";
}

const LONGEST_MESSAGE = 300;
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
  "2201B": "invalid regular expression",
  "2201E": "invalid argument of a logarithm",
  "2201F": "invalid argument of a power or a root",
  "2201W": "LIMIT is negative",
  "2201X": "OFFSET is negative",
  "22003": "number out of range",
  "22007": "invalid date or time",
  "22008": "date or time out of range",
  "22011": "negative substring length",
  "22012": "division by zero",
  "22023": "invalid argument of a function",
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
  const named = nameOf(sqlstate);
  const advice = sqlstate === "42501" ? grantFor(remote) : "";
  if (remote) return `the tenant's database refused the query: ${named}${advice}`;
  const speaksOfTheSql = ["0A", "20", "21", "22", "42"].includes(sqlstate.slice(0, 2)) && sqlstate !== "42704";
  return speaksOfTheSql ? `${inOneLine(message)}${advice}` : `the federation database refused the query: ${named}`;
}

function nameOf(sqlstate: string): string {
  const condition = CONDITIONS[sqlstate];
  return condition === undefined ? `SQLSTATE ${sqlstate}` : `${condition} (SQLSTATE ${sqlstate})`;
}

function misfit(sqlstate: string, where: string): string | null {
  return isMisfit(where)
    ? `a value of the tenant's does not fit its column of the foreign table: ${nameOf(sqlstate)}`
    : null;
}

// It may quote a value of any length, and goes into answers, headers and logs.
function inOneLine(message: string): string {
  const line = message.slice(0, LONGEST_MESSAGE).replaceAll(/\s+/g, " ");
  return message.length > LONGEST_MESSAGE ? `${line}…` : line;
}

/** What is wrong with the way to a tenant, and what mends it; null for errors of other kinds. */
function setUpFault(error: ServerError, remote: boolean): string | null {
  const { code: sqlstate, routine } = error;
  if (isOptionsRefusal(error))
    return "the tenant's PgBouncer refuses the connection's options: set federation.remoteOptions to off, then run tenantry tenants apply";
  if (sqlstate === "08001") return "the tenant's database cannot be reached, or refuses the login";
  if (remote) return null;
  if (sqlstate === "42704" && routine === "GetUserMapping")
    return "no user mapping for the query role: CREATE USER MAPPING FOR it on the tenant's server";
  if (sqlstate !== "2F003") return null;
  return routine === "pgfdw_security_check"
    ? "the tenant's server did not ask for a password, and postgres_fdw lets only superusers connect without one"
    : "the query role's user mapping has no password, and postgres_fdw lets only superusers connect without one";
}

/** The statement that a permission error asks for. */
function grantFor(remote: boolean): string {
  return remote
    ? "; GRANT SELECT on the relation to the login of its user mapping"
    : "; GRANT the query role USAGE on the schema and SELECT on the relation";
}
