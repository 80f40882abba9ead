import { expect, test } from "vitest";
import { pgErrorFacts } from "../../../src/postgres/pg-error.ts";

const error = (code: string, more: object = {}) => ({ severity: "ERROR", code, message: "secret-host", ...more });
const OPTIONS_REFUSED =
  "the tenant's PgBouncer refuses the connection's options: set federation.remoteOptions to off, then run tenantry tenants apply";
const REMOTE = { where: "remote SQL command: SELECT 1" };

test.each([
  ["08000", "unreachable", true],
  ["08001", "unreachable", true],
  ["08003", "unreachable", true],
  ["08004", "unreachable", true],
  ["08006", "unreachable", true],
  ["08P01", "query", false],
])("%s is %s, remote: %s", (code, kind, remote) => {
  const facts = pgErrorFacts(error(code));
  expect(facts).toMatchObject({ kind, remote });
  expect(facts?.message).not.toContain("secret");
});

test("a FATAL 08P01 is the end of the session with the federation database, as poolers tell everything with it", () => {
  expect(pgErrorFacts(error("08P01", { severity: "FATAL" }))).toMatchObject({ kind: "connection_lost", remote: false });
});

test.each([
  ["08001", {}, "the tenant's database cannot be reached, or refuses the login"],
  ["08001", { detail: "FATAL:  no such user" }, "the tenant's database cannot be reached, or refuses the login"],
  ["08001", { detail: "FATAL:  unsupported startup parameter: options" }, OPTIONS_REFUSED],
  ["08001", { detail: "FATAL:  unsupported startup parameter in options: lock_timeout" }, OPTIONS_REFUSED],
  [
    "42704",
    { routine: "GetUserMapping" },
    "no user mapping for the query role: CREATE USER MAPPING FOR it on the tenant's server",
  ],
  ["42704", {}, "the federation database refused the query: SQLSTATE 42704"],
  ["2201W", REMOTE, "the tenant's database refused the query: LIMIT is negative (SQLSTATE 2201W)"],
  [
    "2F003",
    { routine: "pgfdw_security_check" },
    "the tenant's server did not ask for a password, and postgres_fdw lets only superusers connect without one",
  ],
  [
    "2F003",
    { routine: "check_conn_params" },
    "the query role's user mapping has no password, and postgres_fdw lets only superusers connect without one",
  ],
  [
    "42501",
    REMOTE,
    "the tenant's database refused the query: permission denied (SQLSTATE 42501); " +
      "GRANT SELECT on the relation to the login of its user mapping",
  ],
])("%s %j has words of its own", (code, more, message) => {
  expect(pgErrorFacts(error(code, more))?.message).toBe(message);
});

test("a right that the query role lacks is told with what it needs", () => {
  const facts = pgErrorFacts({ severity: "ERROR", code: "42501", message: "permission denied for foreign table a_t" });
  expect(facts).toMatchObject({
    remote: false,
    message:
      "permission denied for foreign table a_t; GRANT the query role USAGE on the schema and SELECT on the relation",
  });
});

test("a tenant's value that does not fit its column is not shown", () => {
  const where = 'column "n" of foreign table "t3_x"';
  const message = 'invalid input syntax for type integer: "SECRET"';
  expect(pgErrorFacts({ severity: "ERROR", code: "22P02", message, where })).toMatchObject({
    remote: true,
    message:
      "a value of the tenant's does not fit its column of the foreign table: a value does not fit its type (SQLSTATE 22P02)",
  });
});

test("a message that quotes a value is one line, and not longer than a person reads", () => {
  const message = `invalid input syntax for type integer: "a\r\nb${"Z".repeat(3_000_000)}"`;
  const shown = pgErrorFacts({ severity: "ERROR", code: "22P02", message })?.message;
  expect(shown).toMatch(/^invalid input syntax for type integer: "a bZ+…$/);
  expect(shown).toHaveLength(300);
});
