/** Whose fault an error is: the caller's request, a tenant's database, the federation database, or Tenantry itself. */
export type ErrorSource = "client" | "tenant" | "federation" | "tenantry";

interface ErrorKind {
  readonly status: number;
  readonly source: ErrorSource;
  readonly meaning: string;
}

/**
 * Every error that Tenantry can answer with. `docs/errors.md` is tested against this table in both directions.
 * 401 is absent on purpose: Grafana's data proxy turns it into a 400 that hides our message.
 */
export const ERRORS = {
  REQUEST_INVALID: { status: 400, source: "client", meaning: "a parameter or the body could not be read" },
  REQUEST_TOO_LARGE: { status: 413, source: "client", meaning: "the body or the SQL is larger than the limits allow" },
  ROUTE_UNKNOWN: { status: 404, source: "client", meaning: "no such route" },
  QUERY_UNKNOWN: { status: 404, source: "client", meaning: "no named query of that name" },
  TOKEN_REFUSED: { status: 403, source: "client", meaning: "no token, an unknown token, or two of them" },
  PARAM_INVALID: { status: 400, source: "client", meaning: "a query parameter is unknown, missing or not of its type" },
  TEMPLATE_PLACEHOLDER: {
    status: 422,
    source: "client",
    meaning: "a `$<tenant>` stands where it cannot mean anything",
  },
  TEMPLATE_SELECTOR: { status: 422, source: "client", meaning: "the text between `$<tenant:` and `>` is no selector" },
  TEMPLATE_SCOPE: { status: 422, source: "client", meaning: "a block mixes one tenant's rows with the whole fleet's" },
  TEMPLATE_TENANT_COLUMN: { status: 422, source: "client", meaning: "an output column takes the tenant column's name" },
  TEMPLATE_JOIN: { status: 422, source: "client", meaning: "two fleet relations are joined without the tenant" },
  TEMPLATE_DRIFT: {
    status: 422,
    source: "client",
    meaning: "the tenants' schemas differ where the block needs them equal",
  },
  TEMPLATE_UNSUPPORTED: {
    status: 422,
    source: "client",
    meaning: "SQL that cannot be copied for each tenant without changing it",
  },
  MACRO_UNKNOWN: { status: 422, source: "client", meaning: "no macro of that name" },
  MACRO_ARGUMENTS: { status: 422, source: "client", meaning: "a macro has too few, too many or unreadable arguments" },
  QUERY_SYNTAX: { status: 422, source: "client", meaning: "PostgreSQL's parser refuses the text" },
  QUERY_FORBIDDEN: {
    status: 422,
    source: "client",
    meaning: "the guard refuses a statement, relation, function or type",
  },
  QUERY_FAILED: { status: 422, source: "client", meaning: "PostgreSQL understood the query and refused it" },
  TENANT_UNKNOWN: { status: 404, source: "client", meaning: "no tenant that the caller may see has that name" },
  TENANT_FAILED: {
    status: 502,
    source: "tenant",
    meaning: "tenants failed and the request asked for all, or enough, of them",
  },
  RESULT_TOO_LARGE: { status: 422, source: "client", meaning: "more rows or bytes than the limits allow" },
  OVERLOADED: {
    status: 503,
    source: "tenantry",
    meaning: "more requests are running and waiting than the limits allow",
  },
  DEADLINE_EXCEEDED: { status: 504, source: "tenantry", meaning: "no answer within the request's deadline" },
  FEDERATION_UNAVAILABLE: {
    status: 503,
    source: "federation",
    meaning: "the federation database cannot be reached or no catalog is loaded",
  },
  SHUTTING_DOWN: { status: 503, source: "tenantry", meaning: "the server is stopping" },
  CONFIG_INVALID: { status: 500, source: "client", meaning: "the settings cannot be used; every mistake is listed" },
  ONBOARDING_REFUSED: {
    status: 422,
    source: "client",
    meaning: "a tenant cannot be onboarded as the registry describes it, or dropped",
  },
  INTERNAL: {
    status: 500,
    source: "tenantry",
    meaning: "a fault of Tenantry; the log has the details under the request id",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** A place in the user's own text. `line` and `column` count from 1, in characters; `offset` from 0. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

export interface AppErrorDetails {
  readonly hint?: string | undefined;
  readonly position?: Position | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/**
 * An error that a caller may read: its message names what was wrong and with which value, its hint what to do.
 * It never carries a secret, a host, or anything about a tenant that the caller may not see.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly position: Position | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, details: AppErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = details.hint;
    this.position = details.position;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get source(): ErrorSource {
    return ERRORS[this.code].source;
  }
}

/** The error itself if it is one of ours, otherwise `INTERNAL` with the original as its cause. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError("INTERNAL", "internal error", { cause: error });
}

/** Line and column, from 1, of a character offset into `text`. */
export function positionAt(text: string, offset: number): Position {
  const bounded = Math.max(0, Math.min(offset, text.length));
  const before = text.slice(0, bounded);
  const line = before.split("\n").length;
  return { line, column: bounded - (before.lastIndexOf("\n") + 1) + 1, offset: bounded };
}
