import type { Database } from "../postgres/database.ts";
import type { TenantProfile } from "./profiles.ts";

/** The tables of a tenant. `last_updated` has no time zone and means UTC, as in so many grown schemas. */
export const TENANT_TABLES = `
  CREATE TABLE entities (id uuid PRIMARY KEY, kind text, last_updated timestamp);
  CREATE TABLE orders (
    id bigint PRIMARY KEY, entity_id uuid, amount numeric(12,2), placed_at timestamptz, status text DEFAULT 'pending'
  );
  CREATE TABLE jobs (
    id bigint PRIMARY KEY, kind text, state text DEFAULT 'queued', queued_at timestamptz, finished_at timestamptz
  );
  CREATE INDEX ON entities (last_updated);
  CREATE INDEX ON orders (placed_at);
  CREATE INDEX ON jobs (queued_at);
`;

/** Ages are even over one refresh cycle, as they stay while the writer goes on; one entity in 200 was never refreshed. */
const FILL_ENTITIES = `
  INSERT INTO entities
  SELECT gen_random_uuid(),
         CASE WHEN random() < 0.97 THEN (array['device','invoice','contact','asset'])[1 + floor(4 * random() ^ 2)::int] END,
         CASE WHEN n % 200 <> 199 THEN now() AT TIME ZONE 'UTC' - make_interval(secs => $2 + $3 * random()) END
  FROM generate_series(1, $1::int) AS n`;

/**
 * Two days with their busy and quiet hours: the wave moves evenly spread orders towards two peaks a day, three times as
 * dense as the troughs, and leaves those of this hour at the average rate, with which the writer goes on.
 */
const FILL_ORDERS = `
  INSERT INTO orders
  SELECT n,
         CASE WHEN random() < 0.96 THEN (SELECT array_agg(id) FROM entities)[1 + floor($2 * random())::int] END,
         round((4 - 60 * ln(1 - random()))::numeric, 2),
         now() - interval '48 hours' * (age - 0.02 * (1 - cos(8 * pi() * age))),
         CASE WHEN n % 97 = 0 THEN NULL WHEN random() < 0.9 THEN 'paid' WHEN random() < 0.6 THEN 'refunded' ELSE 'failed' END
  FROM generate_series(1, $1::int) AS n, LATERAL (SELECT (1 - (n - random()) / $1) AS age) AS placed`;

/** One day of jobs: all but the newest have ended, and a few hang. */
const FILL_JOBS = `
  INSERT INTO jobs
  SELECT n,
         (array['sync','export','email','reindex'])[1 + floor(4 * random())::int],
         state,
         queued_at,
         CASE WHEN state IN ('done', 'failed') THEN queued_at + make_interval(secs => 2 + 50 * random() ^ 3) END
  FROM generate_series(1, $1::int) AS n,
       LATERAL (SELECT now() - interval '24 hours' * (1 - (n - random()) / $1) - interval '1 minute' AS queued_at) AS queued,
       LATERAL (SELECT CASE WHEN n % 150 = 149 THEN 'running' WHEN random() < $2 THEN 'failed' ELSE 'done' END AS state) AS ended`;

/** Seconds since the entities of a tenant with a broken refresh were last touched: three days. */
const STALE_SECONDS = 259_200;

/** Fills an empty tenant as its profile says, up to this moment. The same profile gives the same rows but for their ids. */
export async function fillTenant(database: Database, tenant: TenantProfile): Promise<void> {
  const [least, spread] = tenant.refreshSeconds === null ? [STALE_SECONDS, 7_200] : [0, tenant.refreshSeconds];
  await database.transaction(async (query) => {
    await query("SELECT setseed($1::float8)", [(tenant.orders % 100) / 100]);
    await query(FILL_ENTITIES, [tenant.entities, least, spread]);
    await query(FILL_ORDERS, [tenant.orders, tenant.entities]);
    if (tenant.jobs > 0) await query(FILL_JOBS, [tenant.jobs, tenant.failedShare]);
    if (tenant.olderSchema) await query("ALTER TABLE orders DROP COLUMN status");
    await query("ANALYZE entities, orders, jobs");
  });
}
