import { expect, inject } from "vitest";
import type { ErrorCode } from "../../../src/errors.ts";
import { quoteIdentifier } from "../../../src/postgres/quote.ts";
import type { FailureReason } from "../../../src/types.ts";
import { withSql } from "../postgres.ts";
import { expectAnswer, type FaultyFleet, HEALTHY, TENANTS } from "./faulty-fleet.ts";
import type { LinkMode } from "./faulty-link.ts";

/** Something that happens to tenants, and what is said of them as long as it lasts. */
export interface Fault {
  readonly name: string;
  readonly begin: (fleet: FaultyFleet, tenants: readonly string[]) => Promise<void>;
  readonly end: (fleet: FaultyFleet, tenants: readonly string[]) => Promise<void>;
  /** Any of these; none for a fault that a tenant answers in spite of. */
  readonly reasons: readonly FailureReason[];
  /** What a caller is told when it happens to all; TENANT_FAILED when absent. */
  readonly whenAll?: ErrorCode;
}

function onLink(name: string, mode: LinkMode, reasons: readonly FailureReason[]): Fault {
  return {
    name,
    begin: async ({ become }, tenants) => become(tenants, mode),
    end: async ({ become }, tenants) => become(tenants, { kind: "pass" }),
    reasons,
  };
}

function inTenant(name: string, begin: string, end: string, reasons: readonly FailureReason[]): Fault {
  const each =
    (sql: string) =>
    async ({ onTenant }: FaultyFleet, tenants: readonly string[]) => {
      for (const tenant of tenants) await onTenant(tenant, sql);
    };
  return { name, begin: each(begin), end: each(end), reasons };
}

/** Runs a statement on the server about each tenant's database. */
async function aboutDatabases(
  fleet: FaultyFleet,
  tenants: readonly string[],
  statements: (database: string) => readonly string[],
): Promise<void> {
  for (const { name, url } of fleet.tenants) {
    if (!tenants.includes(name)) continue;
    const database = decodeURIComponent(new URL(url).pathname.slice(1));
    await withSql(inject("postgresUrl"), async (sql) => {
      for (const statement of statements(database)) await sql.query(statement);
    });
  }
}

const endSessions = (database: string): string =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`;

const allowConnections = (database: string, allowed: boolean): string =>
  `ALTER DATABASE ${quoteIdentifier(database)} ALLOW_CONNECTIONS ${allowed}`;

const WRONG_LOGIN: Fault = {
  name: "refuses the login",
  begin: async (fleet, tenants) => {
    for (const tenant of tenants)
      await fleet.onFederation(
        `ALTER USER MAPPING FOR CURRENT_USER SERVER ${quoteIdentifier(await fleet.serverOf(tenant))} OPTIONS (SET user 'nobody')`,
      );
  },
  end: async (fleet, tenants) => {
    const user = decodeURIComponent(new URL(inject("postgresUrl")).username);
    for (const tenant of tenants)
      await fleet.onFederation(
        `ALTER USER MAPPING FOR CURRENT_USER SERVER ${quoteIdentifier(await fleet.serverOf(tenant))} OPTIONS (SET user '${user}')`,
      );
  },
  reasons: ["unreachable"],
};

/** After the greeting of a connection that is there, before the rows of a statement: within its fetch. */
const WITHIN_A_FETCH = 150;

export const FAULTS: readonly Fault[] = [
  onLink("refuses connections", { kind: "refuse" }, ["unreachable"]),
  onLink("accepts and never answers", { kind: "silent" }, ["timeout"]),
  onLink("hangs in mid-fetch", { kind: "hang", afterBytes: WITHIN_A_FETCH }, ["timeout"]),
  onLink("drops in mid-answer", { kind: "drop", afterBytes: WITHIN_A_FETCH }, ["unreachable"]),
  onLink("is slow by 100 ms", { kind: "slow", delayMs: 100 }, []),
  onLink("is slow by 5 s", { kind: "slow", delayMs: 5_000 }, ["timeout"]),
  WRONG_LOGIN,
  {
    name: "has no database any more",
    begin: (fleet, tenants) =>
      aboutDatabases(fleet, tenants, (name) => [
        allowConnections(name, false),
        endSessions(name),
        "SELECT pg_sleep(0.3)",
        `ALTER DATABASE ${quoteIdentifier(name)} RENAME TO ${quoteIdentifier(`${name}_gone`)}`,
      ]),
    end: (fleet, tenants) =>
      aboutDatabases(fleet, tenants, (name) => [
        `ALTER DATABASE ${quoteIdentifier(`${name}_gone`)} RENAME TO ${quoteIdentifier(name)}`,
        allowConnections(name, true),
      ]),
    reasons: ["unreachable"],
  },
  {
    name: "takes no more connections",
    begin: (fleet, tenants) =>
      aboutDatabases(fleet, tenants, (name) => [allowConnections(name, false), endSessions(name)]),
    end: (fleet, tenants) => aboutDatabases(fleet, tenants, (name) => [allowConnections(name, true)]),
    reasons: ["unreachable"],
  },
  inTenant("has no such relation any more", "ALTER TABLE items RENAME TO gone", "ALTER TABLE gone RENAME TO items", [
    "relation_missing",
  ]),
  inTenant(
    "has no such column any more",
    "ALTER TABLE items RENAME COLUMN divisor TO gone",
    "ALTER TABLE items RENAME COLUMN gone TO divisor",
    ["column_missing"],
  ),
  inTenant(
    "has changed a column's type",
    "ALTER TABLE items ALTER COLUMN divisor TYPE text",
    "ALTER TABLE items ALTER COLUMN divisor TYPE int USING divisor::int",
    ["query_failed"],
  ),
  {
    ...inTenant(
      "has data that the query cannot bear",
      "INSERT INTO items VALUES (99, 0)",
      "DELETE FROM items WHERE id = 99",
      ["query_failed"],
    ),
    whenAll: "QUERY_FAILED",
  },
];

export const SCOPES = {
  one: ["t1"],
  some: ["t1", "t3"],
  all: TENANTS,
} as const;
export type Scope = keyof typeof SCOPES;

/** As many as make every lane busy and some wait. */
const AT_ONCE = 6;

/** The fault begins, is asked about, also by many at once, ends, and is over. */
export async function checkFault(fleet: FaultyFleet, fault: Fault, scope: Scope): Promise<void> {
  const tenants = SCOPES[scope];
  const during = {
    missing: fault.reasons.length === 0 ? [] : tenants,
    reasons: fault.reasons,
    whenAll: fault.whenAll ?? "TENANT_FAILED",
  };
  await fault.begin(fleet, tenants);
  try {
    await expectAnswer(fleet, during);
    await Promise.all(Array.from({ length: AT_ONCE }, () => expectAnswer(fleet, during)));
    // Who is known to be down costs nothing: that is less than the time that a tenant is given.
    const startedAtMs = performance.now();
    await expectAnswer(fleet, during);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    const down = fault.reasons.some((reason) => reason === "timeout" || reason === "unreachable");
    if (down) expect(await unhealthy(fleet)).toEqual([...tenants].sort());
  } finally {
    await fault.end(fleet, tenants);
  }
  await expect
    .poll(async () => (await fleet.ask(QUESTION_OF_ALL).catch(() => null))?.rows.length, {
      timeout: 60_000,
      interval: 400,
    })
    .toBe(TENANTS.length);
  await expectAnswer(fleet, HEALTHY);
  await expect.poll(() => unhealthy(fleet), { timeout: 10_000 }).toEqual([]);
}

const QUESTION_OF_ALL = "SELECT count(*) AS n FROM $<tenant>_items";

/** Tenants that `/v1/tenants` says are down or on trial. */
async function unhealthy({ url }: FaultyFleet): Promise<readonly string[]> {
  const listed: unknown = await (await fetch(`${url}/v1/tenants`)).json();
  if (!Array.isArray(listed)) throw new TypeError("/v1/tenants gives a list");
  return listed.filter(({ health }) => health !== "closed").map(({ tenant }) => String(tenant));
}
