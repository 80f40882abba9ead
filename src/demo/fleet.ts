import { randomBytes } from "node:crypto";
import type { RegistryTenant } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import { createDatabase, type Database } from "../postgres/database.ts";
import { quoteIdentifier, quoteLiteral } from "../postgres/quote.ts";
import type { Labels } from "../types.ts";
import { type Cluster, createCluster } from "./cluster.ts";
import { createDelayProxy, type DelayProxy } from "./delay-proxy.ts";
import { describeTenants, type TenantProfile } from "./profiles.ts";
import { fillTenant, TENANT_TABLES } from "./tenant-data.ts";

/** A tenant's database, and what it is like. */
export interface FleetTenant {
  readonly name: string;
  /** With the owner's login, and never over a slow link. */
  readonly url: string;
  readonly labels: Labels;
  readonly profile: TenantProfile;
}

/** A fleet of tenant databases and an empty federation database beside them, on one PostgreSQL server. */
export interface Fleet {
  /** The federation database for user SQL: a login that owns nothing. */
  readonly federationUrl: string;
  /** The federation database for onboarding: the login that owns it and may create foreign servers. */
  readonly adminUrl: string;
  /** The tenants as Tenantry's configuration names them: a login that may only read, slow links included. */
  readonly registry: readonly RegistryTenant[];
  readonly tenants: readonly FleetTenant[];
  /** Stops the server and removes all data. */
  close(): Promise<void>;
}

export interface FleetStep {
  readonly text: string;
  /** Tenants that are complete. */
  readonly done: number;
  readonly total: number;
}

export interface FleetOptions {
  /** At least 1; 81, as in the example that this project grew from, when absent. */
  readonly tenants?: number;
  /** Sessions that the server must have room for, on the tenants' and on the federation database together; 6 when absent. */
  readonly sessionsPerTenant?: number;
  readonly onStep?: (step: FleetStep) => void;
}

const OWNER = "tenantry_owner";
const READER = "tenantry_reader";
const QUERY = "tenantry_query";
const FEDERATION = "federation";
const TEMPLATE = "tenant_template";

/**
 * Each clone waits for two checkpoints, which clones at work together share. Measured on two cores: 47 ms a tenant one by
 * one, 18 ms two or four at once; with both cores busy, four are a third faster than two.
 */
const TENANTS_AT_ONCE = 4;

/** Sessions that may be open: each lane group keeps one with every tenant, and people and tests come on top. */
const SESSIONS_PER_TENANT = 6;
const SESSIONS_BESIDE = 300;

/**
 * Starts a server with `tenant_0`, `tenant_1`, … and a federation database that knows none of them yet: onboarding is
 * left to the product's own code, from `registry`. `tenant_7` missed a migration, `tenant_13` is behind a slow link.
 */
export async function createFleet(options: FleetOptions = {}): Promise<Fleet> {
  const total = options.tenants ?? 81;
  if (!Number.isInteger(total) || total < 1) {
    throw new AppError("REQUEST_INVALID", `a fleet of ${total} tenants: must be a whole number, at least 1`);
  }
  const { sessionsPerTenant = SESSIONS_PER_TENANT } = options;
  const profiles = describeTenants(total);
  const onStep = (text: string, done = 0): void => options.onStep?.({ text, done, total });
  const cluster = await createCluster({
    name: "demo",
    settings: { max_connections: String(SESSIONS_BESIDE + sessionsPerTenant * total), shared_buffers: "64MB" },
    onStep,
  });
  const proxies: DelayProxy[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await cluster.close();
  };
  try {
    const logins = createLogins(cluster);
    onStep("creating the federation database");
    await createFoundations(cluster, logins);
    await createTenants(cluster, logins, profiles, (done) => onStep("creating the tenants' databases", done));
    const registry: RegistryTenant[] = [];
    for (const profile of profiles) {
      const proxy = await linkTo(cluster, profile);
      if (proxy !== undefined) proxies.push(proxy);
      registry.push(registryEntry(profile, logins.url(READER, profile.name, proxy?.port)));
    }
    return {
      federationUrl: logins.url(QUERY, FEDERATION),
      adminUrl: logins.url(OWNER, FEDERATION),
      registry,
      tenants: profiles.map((profile) => ({
        name: profile.name,
        url: logins.url(OWNER, profile.name),
        labels: profile.labels,
        profile,
      })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Logins {
  password(role: string): string;
  url(role: string, database: string, port?: number): string;
}

function createLogins(cluster: Cluster): Logins {
  const secrets = new Map([OWNER, READER, QUERY].map((role) => [role, randomBytes(18).toString("hex")]));
  const password = (role: string): string => secrets.get(role) ?? "";
  return {
    password,
    url: (role, database, port) => {
      const url = new URL(cluster.superuserUrl(database));
      url.username = role;
      url.password = password(role);
      url.port = String(port ?? cluster.port);
      return url.href;
    },
  };
}

/** Roles, the federation database, and the database that every tenant is a copy of. */
async function createFoundations(cluster: Cluster, logins: Logins): Promise<void> {
  await withSql(cluster.superuserUrl("postgres"), async (sql) => {
    for (const role of [OWNER, READER, QUERY]) {
      const secret = quoteLiteral(logins.password(role));
      await sql.query(`CREATE ROLE ${quoteIdentifier(role)} LOGIN PASSWORD ${secret}`);
    }
    // So that scripts with the owner's login can watch and break things: statistics of all sessions, ending them.
    await sql.query(`GRANT pg_monitor, pg_signal_backend TO ${quoteIdentifier(OWNER)}`);
    for (const name of [FEDERATION, TEMPLATE]) {
      await sql.query(`CREATE DATABASE ${quoteIdentifier(name)} OWNER ${quoteIdentifier(OWNER)} STRATEGY FILE_COPY`);
    }
  });
  await withSql(cluster.superuserUrl(FEDERATION), async (sql) => {
    await sql.query("CREATE EXTENSION postgres_fdw");
    await sql.query(closeToOthers(FEDERATION, QUERY));
    await sql.query(`GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO ${quoteIdentifier(OWNER)}`);
  });
  await withSql(logins.url(OWNER, TEMPLATE), async (sql) => {
    await sql.query(TENANT_TABLES);
    await sql.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${quoteIdentifier(READER)}`);
  });
}

async function createTenants(
  cluster: Cluster,
  logins: Logins,
  profiles: readonly TenantProfile[],
  onDone: (done: number) => void,
): Promise<void> {
  let done = 0;
  // One iterator for all workers: each takes the next tenant that nobody has begun.
  const queue = profiles.values();
  await withSql(cluster.superuserUrl("postgres"), async (sql) => {
    const work = async (): Promise<void> => {
      for (const profile of queue) {
        const [name, owner] = [quoteIdentifier(profile.name), quoteIdentifier(OWNER)];
        await sql.query(
          `CREATE DATABASE ${name} OWNER ${owner} TEMPLATE ${quoteIdentifier(TEMPLATE)} STRATEGY FILE_COPY`,
        );
        await sql.query(closeToOthers(profile.name, READER));
        await withSql(logins.url(OWNER, profile.name), (tenant) => fillTenant(tenant, profile));
        onDone(++done);
      }
    };
    await Promise.all(Array.from({ length: TENANTS_AT_ONCE }, work));
  });
}

/** Whatever the other logins know, they cannot even connect. */
function closeToOthers(database: string, role: string): string {
  const name = quoteIdentifier(database);
  return `REVOKE ALL ON DATABASE ${name} FROM PUBLIC; GRANT CONNECT ON DATABASE ${name} TO ${quoteIdentifier(role)}`;
}

async function linkTo(cluster: Cluster, profile: TenantProfile): Promise<DelayProxy | undefined> {
  if (profile.delayMs === 0) return undefined;
  return createDelayProxy({ targetHost: cluster.host, targetPort: cluster.port, delayMs: profile.delayMs });
}

function registryEntry(profile: TenantProfile, url: string): RegistryTenant {
  return { name: profile.name, url, labels: { ...profile.labels }, schema: "public", relations: ["*"] };
}

async function withSql<T>(url: string, work: (sql: Database) => Promise<T>): Promise<T> {
  const sql = createDatabase({
    url,
    applicationName: "tenantry-demo",
    maxConnections: TENANTS_AT_ONCE,
    connectTimeoutMs: 10_000,
  });
  try {
    return await work(sql);
  } finally {
    await sql.close();
  }
}
