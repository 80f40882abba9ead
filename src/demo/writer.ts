import { setTimeout as sleep } from "node:timers/promises";
import { createDatabase, type Database } from "../postgres/database.ts";
import type { TenantProfile } from "./profiles.ts";

/** Something that keeps the tenants' data changing. */
export interface Writer {
  /** Stops after the transaction that is running. */
  close(): Promise<void>;
}

export interface WriterOptions {
  readonly tenants: readonly { readonly url: string; readonly profile: TenantProfile }[];
  /** Tenants written to in a second, one after the other; 1.5 when absent. */
  readonly visitsPerSecond?: number;
  /** Told when a tenant cannot be written to; the next one has its turn all the same. */
  readonly onError?: (tenant: string, error: unknown) => void;
}

const ORDERS_SPAN_SECONDS = 48 * 3600;
const JOBS_SPAN_SECONDS = 24 * 3600;

/** Between the last order and now, so that a graph goes on as it was instead of jumping at each visit. */
const ADD_ORDERS = `
  INSERT INTO orders (id, entity_id, amount, placed_at)
  SELECT last.id + n,
         (SELECT id FROM entities OFFSET floor($3 * random()) LIMIT 1),
         round((4 - 60 * ln(1 - random()))::numeric, 2),
         now() - make_interval(secs => $2 * (1 - n / ($1 + 1.0)))
  FROM generate_series(1, $1::int) AS n, (SELECT coalesce(max(id), 0) AS id FROM orders) AS last`;

const SETTLE_ORDERS = `
  UPDATE orders SET status = CASE WHEN random() < 0.93 THEN 'paid' WHEN random() < 0.5 THEN 'refunded' ELSE 'failed' END
  WHERE status = 'pending' AND placed_at BETWEEN now() - interval '1 hour' AND now() - interval '20 seconds'`;

/** Keeps the size of a demo that runs for days. */
const FORGET_ORDERS = "DELETE FROM orders WHERE placed_at < now() - interval '48 hours'";
const FORGET_JOBS = "DELETE FROM jobs WHERE queued_at < now() - interval '25 hours'";

const REFRESH_ENTITIES = `
  UPDATE entities SET last_updated = now() AT TIME ZONE 'UTC'
  WHERE id IN (SELECT id FROM entities ORDER BY last_updated LIMIT $1::int)`;

const QUEUE_JOBS = `
  INSERT INTO jobs (id, kind, queued_at)
  SELECT last.id + n,
         (array['sync','export','email','reindex'])[1 + floor(4 * random())::int],
         now() - make_interval(secs => $2 * (1 - n / ($1 + 1.0)))
  FROM generate_series(1, $1::int) AS n, (SELECT coalesce(max(id), 0) AS id FROM jobs) AS last`;

const FINISH_JOBS = `
  UPDATE jobs SET state = CASE WHEN random() < $1 THEN 'failed' ELSE 'done' END, finished_at = now()
  WHERE state = 'queued' AND queued_at BETWEEN now() - interval '1 hour' AND now() - interval '10 seconds'`;

/**
 * Visits the tenants in turn, each time with a connection of its own for some milliseconds, and adds what happened there
 * since the last visit. The default, three visits in two seconds, takes less than 3 % of a core
 * (measured, PostgreSQL included). It starts at once.
 */
export function createWriter(options: WriterOptions): Writer {
  const stop = new AbortController();
  const running = visitInTurn(options, stop.signal);
  return {
    close: async () => {
      stop.abort();
      await running;
    },
  };
}

async function visitInTurn(options: WriterOptions, signal: AbortSignal): Promise<void> {
  const pauseMs = 1000 / (options.visitsPerSecond ?? 1.5);
  const lastVisitMs = new Map<string, number>();
  const startedMs = Date.now();
  while (!signal.aborted && options.tenants.length > 0) {
    for (const { url, profile } of options.tenants) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const nowMs = Date.now();
      const elapsedSeconds = (nowMs - (lastVisitMs.get(profile.name) ?? startedMs)) / 1000;
      lastVisitMs.set(profile.name, nowMs);
      await visit(url, profile, elapsedSeconds).catch((error: unknown) => options.onError?.(profile.name, error));
    }
  }
}

async function visit(url: string, tenant: TenantProfile, elapsedSeconds: number): Promise<void> {
  const database = createDatabase({
    url,
    applicationName: "tenantry-demo-writer",
    maxConnections: 1,
    connectTimeoutMs: 5_000,
  });
  try {
    await database.transaction((query) => write(query, tenant, elapsedSeconds));
  } finally {
    await database.close();
  }
}

async function write(query: Database["query"], tenant: TenantProfile, elapsedSeconds: number): Promise<void> {
  const refreshed = tenant.refreshSeconds === null ? 0 : share(tenant.entities, elapsedSeconds / tenant.refreshSeconds);
  if (refreshed > 0) await query(REFRESH_ENTITIES, [refreshed]);
  const orders = share(tenant.orders, elapsedSeconds / ORDERS_SPAN_SECONDS);
  if (orders > 0) await query(ADD_ORDERS, [orders, elapsedSeconds, tenant.entities]);
  if (!tenant.olderSchema) await query(SETTLE_ORDERS);
  await query(FORGET_ORDERS);
  if (tenant.jobs === 0) return;
  const jobs = share(tenant.jobs, elapsedSeconds / JOBS_SPAN_SECONDS);
  if (jobs > 0) await query(QUEUE_JOBS, [jobs, elapsedSeconds]);
  await query(FINISH_JOBS, [tenant.failedShare]);
  await query(FORGET_JOBS);
}

/** A whole number that is `rows × part` on average. */
function share(rows: number, part: number): number {
  return Math.floor(rows * part + Math.random());
}
