import { expect, inject } from "vitest";
import type { ErrorCode } from "../../../src/errors.ts";
import type { Coverage, FailureReason } from "../../../src/types.ts";
import { type FleetApp, type FleetAppOptions, type Row, withFleet } from "../app.ts";
import { withSql } from "../postgres.ts";
import { createFaultyLink, type FaultyLink, type LinkMode } from "./faulty-link.ts";

export const TENANTS = ["t0", "t1", "t2", "t3", "t4"] as const;
export const QUESTION = "SELECT sum(10 / divisor)::int AS s, count(*)::int AS n FROM $<tenant>_items";
const OF_ONE_TENANT = "SELECT sum(10 / divisor)::int AS s, count(*)::int AS n FROM items";
const DDL =
  "CREATE TABLE items (id int, divisor int); INSERT INTO items SELECT n, 1 + n % 3 FROM generate_series(1, 50) n;";
const LIMITS = { deadline: "8s", tenantDeadline: "1s" } as const;
/** Groups of lanes: no query is exported. */
const GROUPS = 2;

/** A fleet of which each tenant is behind a link of its own. */
export interface FaultyFleet extends FleetApp {
  readonly become: (tenants: readonly string[], mode: LinkMode) => void;
  /** What each tenant's own database answers to the question, asked before anything broke. */
  readonly expected: readonly Row[];
  readonly serverOf: (tenant: string) => Promise<string>;
}

/** Runs `work` with a fleet that is whole and has answered once; afterwards no session of it may be left on any server. */
export async function withFaultyFleet(
  work: (fleet: FaultyFleet) => Promise<void>,
  options: Partial<FleetAppOptions> = {},
): Promise<void> {
  const links = new Map<string, FaultyLink>();
  for (const name of TENANTS) links.set(name, await createFaultyLink(inject("postgresUrl")));
  const linkOf = (name: string): FaultyLink => {
    const link = links.get(name);
    if (link === undefined) throw new Error(`no link to ${name}`);
    return link;
  };
  let databases: readonly string[] = [];
  try {
    await withFleet(
      TENANTS,
      { ddl: DDL, config: { limits: LIMITS }, urlOf: ({ name, url }) => linkOf(name).through(url), ...options },
      async (fleet) => {
        databases = [fleet.federationUrl, ...fleet.tenants.map(({ url }) => url)].map((url) =>
          decodeURIComponent(new URL(url).pathname.slice(1)),
        );
        const expected = await fleet.onEachTenant(OF_ONE_TENANT);
        const become = (tenants: readonly string[], mode: LinkMode): void => {
          for (const tenant of tenants) linkOf(tenant).become(mode);
        };
        const serverOf = async (tenant: string): Promise<string> => {
          const [row] = await fleet.onFederation(
            `SELECT srvname FROM pg_foreign_server WHERE 'application_name=tenantry/${tenant}' = ANY (srvoptions)`,
          );
          return String(row?.srvname);
        };
        try {
          const whole: FaultyFleet = { ...fleet, become, expected, serverOf };
          await expectAnswer(whole, HEALTHY);
          await work(whole);
          await expectFewConnections(whole);
        } finally {
          become(TENANTS, { kind: "pass" });
          await fleet.app.close();
          // Counted while the databases are still there.
          await expect.poll(() => sessionsOf(databases), { timeout: 20_000, interval: 250 }).toEqual([]);
        }
      },
    );
  } finally {
    for (const link of links.values()) await link.close();
  }
}

/** Sessions of Tenantry, and of postgres_fdw for it, on these databases. */
async function sessionsOf(databases: readonly string[]): Promise<readonly Row[]> {
  return withSql(inject("postgresUrl"), (sql) =>
    sql.query(
      "SELECT datname, application_name, state, query FROM pg_stat_activity WHERE datname = ANY ($1) AND application_name LIKE 'tenantry%' AND application_name <> 'tenantry-test'",
      [databases],
    ),
  );
}

/** Statements of Tenantry, and of postgres_fdw for it, that run now. */
export async function runningIn({ federationUrl, tenants }: FaultyFleet): Promise<readonly Row[]> {
  const databases = [federationUrl, ...tenants.map(({ url }) => url)].map((url) =>
    decodeURIComponent(new URL(url).pathname.slice(1)),
  );
  return withSql(inject("postgresUrl"), (sql) =>
    sql.query(
      "SELECT query FROM pg_stat_activity WHERE datname = ANY ($1) AND state = 'active' AND application_name LIKE 'tenantry%' AND application_name <> 'tenantry-test'",
      [databases],
    ),
  );
}

/** No tenant may have more connections than there are groups of lanes. */
export async function expectFewConnections(fleet: FleetApp): Promise<void> {
  const most = async (): Promise<number> => Math.max(...(await connectionsOf(fleet)));
  await expect.poll(most, { timeout: 40_000, interval: 250 }).toBeLessThanOrEqual(GROUPS);
}

/** The lanes connect to who was away, though nobody asks: a connection for each group. */
export async function expectConnectedLanes(fleet: FleetApp): Promise<void> {
  const least = async (): Promise<number> => Math.min(...(await connectionsOf(fleet)));
  await expect.poll(least, { timeout: 40_000, interval: 250 }).toBeGreaterThanOrEqual(GROUPS);
}

async function connectionsOf({ tenants }: FleetApp): Promise<readonly number[]> {
  const names = tenants.map(({ url }) => decodeURIComponent(new URL(url).pathname.slice(1)));
  const sessions = await sessionsOf(names);
  return names.map((name) => sessions.filter(({ datname }) => datname === name).length);
}

export interface Expectation {
  readonly missing: readonly string[];
  /** One of these is each missing tenant's. */
  readonly reasons: readonly FailureReason[];
  /** The refusal when all are missing. */
  readonly whenAll: ErrorCode;
}

export const HEALTHY: Expectation = { missing: [], reasons: [], whenAll: "TENANT_FAILED" };

/** Asks, and requires that the healthy tenants' rows are right and the others are named, each with a reason. */
export async function expectAnswer(
  fleet: FaultyFleet,
  { missing, reasons, whenAll }: Expectation,
): Promise<Coverage | null> {
  if (missing.length === TENANTS.length) {
    expect(await fleet.refusal(QUESTION)).toMatchObject({ code: whenAll });
    return null;
  }
  const { rows, answer } = await fleet.ask(`${QUESTION} ORDER BY tenant`);
  expect(rows).toEqual(fleet.expected.filter(({ tenant }) => !missing.includes(String(tenant))));
  const { coverage } = answer;
  expect(coverage.failed.map(({ tenant }) => tenant)).toEqual([...missing].sort());
  for (const { reason } of coverage.failed) expect(reasons).toContain(reason);
  expect([coverage.expected, coverage.answered]).toEqual([TENANTS.length, TENANTS.length - missing.length]);
  return coverage;
}
