import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";
import { z } from "zod";
import { createDatabase, type Database } from "../../src/postgres/database.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";

/** A tenant's database of a test. */
export interface TestTenant {
  readonly name: string;
  readonly url: string;
}

/** A federation database with nothing but the extension in it, and the tenants' databases. */
export interface TestFleet {
  readonly federationUrl: string;
  readonly tenants: readonly TestTenant[];
}

/** Runs `work` with a new empty database, and drops it afterwards, whoever is still connected. */
export async function withDatabase<T>(work: (url: string) => Promise<T>): Promise<T> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withSql(inject("postgresUrl"), (sql) =>
    sql.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`),
  );
  try {
    return await work(urlOf(name));
  } finally {
    await withSql(inject("postgresUrl"), async (sql) => {
      await sessionsEnd(sql, name);
      await sql.query(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
    });
  }
}

/** Waits a second at most for sessions that are about to end: one that is thrown out while it says goodbye is an error of nobody's. */
async function sessionsEnd(sql: Database, name: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const open = await sql.query("SELECT 1 FROM pg_stat_activity WHERE datname = $1", [name]);
    if (open.length === 0) return;
    await sleep(20);
  }
}

/**
 * Runs `work` with a federation database that has postgres_fdw, and one database for each tenant, filled by `ddl`:
 * one text for all tenants, or a text by tenant's name (a tenant without one stays empty). All are dropped afterwards.
 */
export async function withTenants<T>(
  names: readonly string[],
  options: { readonly ddl: string | Readonly<Record<string, string>> },
  work: (fleet: TestFleet) => Promise<T>,
): Promise<T> {
  return withDatabase(async (federationUrl) => {
    await withSql(federationUrl, (sql) => sql.query("CREATE EXTENSION postgres_fdw"));
    return withTenantDatabases(names, options.ddl, (tenants) => work({ federationUrl, tenants }));
  });
}

/** Runs `work` with a small pool on `url`, and closes it afterwards. */
export async function withSql<T>(url: string, work: (sql: Database) => Promise<T>): Promise<T> {
  const sql = createDatabase({ url, applicationName: "tenantry-test", maxConnections: 4, connectTimeoutMs: 10_000 });
  try {
    return await work(sql);
  } finally {
    await sql.close();
  }
}

/** The server's major version: `TEST_DATABASE_URL` may be older than what the tests bring along. */
export async function majorVersionOf(sql: Database): Promise<number> {
  const [row] = z
    .tuple([z.object({ version: z.string() })])
    .parse(await sql.query("SELECT current_setting('server_version_num') AS version"));
  return Math.floor(Number(row.version) / 10_000);
}

async function withTenantDatabases<T>(
  names: readonly string[],
  ddl: string | Readonly<Record<string, string>>,
  work: (tenants: readonly TestTenant[]) => Promise<T>,
): Promise<T> {
  const [name, ...others] = names;
  if (name === undefined) return work([]);
  return withDatabase(async (url) => {
    const script = typeof ddl === "string" ? ddl : ddl[name];
    if (script !== undefined) await withSql(url, (sql) => sql.query(script));
    return withTenantDatabases(others, ddl, (rest) => work([{ name, url }, ...rest]));
  });
}

function urlOf(database: string): string {
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}
