import { z } from "zod";
import { AppError } from "../errors.ts";

/** To be sent first in a transaction of DDL: a lane's query holds its foreign tables, and every query behind a DDL statement that waits for one waits with it. */
export const BOUND_LOCK_WAIT = "SET LOCAL lock_timeout TO '5s'";

const HELD = "a query that runs for long holds a table of the tenant: try again";
/** By SQLSTATE: what to do, where the statement itself would not help. */
const HINTS: Readonly<Record<string, string>> = {
  "42501":
    "the role of federation.adminUrl, or of federation.url without one, must own the tenants' servers and foreign tables; to make them it needs CREATE on the database and the schema, and USAGE on postgres_fdw",
  "55P03": HELD,
  "57014": HELD,
};

/**
 * What a user reads of a statement on the federation database that failed: ONBOARDING_REFUSED with PostgreSQL's sentence, or
 * FEDERATION_UNAVAILABLE when the connection did. `printable` is the statement without secrets, or null when none was running.
 */
export function ddlError(subject: string, printable: string | null, error: unknown): AppError {
  const found = z.object({ code: z.string(), message: z.string() }).safeParse(error).data;
  // PostgreSQL's sentence about DDL names objects of the federation database; a connection's error names a host.
  const isOfStatement = found !== undefined && /^[0-9A-Z]{5}$/.test(found.code) && !/^(08|28|57P)/.test(found.code);
  if (printable === null || !isOfStatement) {
    return new AppError("FEDERATION_UNAVAILABLE", `${subject} failed (${found?.code ?? "no code"})`, { cause: error });
  }
  return new AppError("ONBOARDING_REFUSED", `${subject} failed: ${found.message}`, {
    hint: HINTS[found.code] ?? `the statement was ${printable}`,
    cause: error,
  });
}
