import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFleet, type Fleet, type FleetStep } from "../../src/demo/fleet.ts";
import { createWriter } from "../../src/demo/writer.ts";
import type { Row } from "../../src/postgres/database.ts";
import { withSql } from "../support/postgres.ts";

let fleet: Fleet;
const steps: FleetStep[] = [];

beforeAll(async () => {
  fleet = await createFleet({ tenants: 3, onStep: (step) => steps.push(step) });
});
afterAll(() => fleet.close());

async function ask(url: string | undefined, text: string): Promise<readonly Row[]> {
  expect(url).toBeDefined();
  return withSql(url ?? "", (sql) => sql.query(text));
}

const COLUMNS = `
  SELECT table_name AS table, string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) AS columns
  FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1 ORDER BY 1`;

test("tenants have names, labels, and steps that count them", () => {
  expect(fleet.tenants.map(({ name, labels }) => ({ name, labels }))).toEqual([
    { name: "tenant_0", labels: { plan: "pro", region: "eu" } },
    { name: "tenant_1", labels: { plan: "free", region: "eu" } },
    { name: "tenant_2", labels: { plan: "free", region: "eu" } },
  ]);
  expect(fleet.registry.map(({ name, labels }) => ({ name, labels }))).toEqual(
    fleet.tenants.map(({ name, labels }) => ({ name, labels })),
  );
  expect(steps.at(-1)).toEqual({ text: "creating the tenants' databases", done: 3, total: 3 });
});

test("the reader sees the tables, and the last tenant's older schema", async () => {
  const tables = [
    { table: "entities", columns: "id uuid, kind text, last_updated timestamp without time zone" },
    { table: "jobs", columns: expect.stringContaining("state text, queued_at timestamp with time zone") },
    { table: "orders", columns: expect.stringContaining("placed_at timestamp with time zone, status text") },
  ];
  expect(await ask(fleet.registry[0]?.url, COLUMNS)).toEqual(tables);
  const [, , orders] = await ask(fleet.registry[2]?.url, COLUMNS);
  expect(orders?.columns).toBe("id bigint, entity_id uuid, amount numeric, placed_at timestamp with time zone");
});

test("rows are spread over two days and hold nulls", async () => {
  const [orders] = await ask(
    fleet.registry[0]?.url,
    `SELECT count(*)::int AS n, count(DISTINCT date_trunc('hour', placed_at))::int AS hours, max(placed_at) <= now() AS past,
       count(*) FILTER (WHERE status IS NULL) > 0 AS nulls, count(DISTINCT status)::int AS statuses FROM orders`,
  );
  expect(orders).toEqual({
    n: fleet.tenants[0]?.profile.orders,
    hours: expect.any(Number),
    past: true,
    nulls: true,
    statuses: 3,
  });
  expect(orders?.hours).toBeGreaterThanOrEqual(48);
});

test("a fleet has at least one tenant", async () => {
  await expect(createFleet({ tenants: 0 })).rejects.toThrow("a fleet of 0 tenants: must be a whole number, at least 1");
});

test("each login can do its part and no more", async () => {
  const reader = fleet.registry[0]?.url;
  await expect(ask(reader, "DELETE FROM orders")).rejects.toMatchObject({ code: "42501" });
  await expect(ask(fleet.federationUrl, "CREATE TABLE mine (n int)")).rejects.toMatchObject({ code: "42501" });
  const inTenant = new URL(fleet.federationUrl);
  inTenant.pathname = "/tenant_0";
  await expect(ask(inTenant.href, "SELECT 1")).rejects.toMatchObject({ code: "42501" });
  const tenant = new URL(reader ?? "");
  await ask(
    fleet.adminUrl,
    `CREATE SERVER probe FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${tenant.port}', dbname 'tenant_0');
     CREATE USER MAPPING FOR CURRENT_USER SERVER probe OPTIONS (user '${tenant.username}', password '${tenant.password}');
     CREATE SCHEMA probe; IMPORT FOREIGN SCHEMA public FROM SERVER probe INTO probe`,
  );
  expect(await ask(fleet.adminUrl, "SELECT count(*)::int AS n FROM probe.orders")).toEqual([
    { n: fleet.tenants[0]?.profile.orders },
  ]);
  await ask(fleet.adminUrl, "DROP SERVER probe CASCADE; DROP SCHEMA probe");
});

test("the writer refreshes entities everywhere but where refreshing is broken, and stops when told", async () => {
  const failures: unknown[] = [];
  const fresh = `SELECT count(*)::int AS n FROM entities WHERE last_updated > now() AT TIME ZONE 'UTC' - interval '2 seconds'`;
  const tenants = fleet.tenants.map(({ url, profile }) => ({
    url,
    profile: { ...profile, refreshSeconds: profile.name === "tenant_1" ? null : 1, orders: 500_000, jobs: 500_000 },
  }));
  const before = await ask(fleet.tenants[2]?.url, "SELECT max(id)::int AS orders FROM orders");
  const writer = createWriter({
    tenants,
    visitsPerSecond: 20,
    onError: (tenant, error) => failures.push({ tenant, error }),
  });
  await sleep(1_500);
  const refreshed = await Promise.all(fleet.tenants.map(({ url }) => ask(url, fresh)));
  await writer.close();
  expect(failures).toEqual([]);
  expect(refreshed[0]?.[0]?.n).toBeGreaterThan(0);
  expect(refreshed[1]?.[0]?.n).toBe(0);
  const after = await ask(fleet.tenants[2]?.url, "SELECT max(id)::int AS orders FROM orders");
  expect(after).not.toEqual(before);
  await sleep(200);
  expect(await ask(fleet.tenants[2]?.url, "SELECT max(id)::int AS orders FROM orders")).toEqual(after);
});
