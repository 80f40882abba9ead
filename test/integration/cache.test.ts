import { expect, inject, test } from "vitest";
import { type AnswerCache, createAnswerCache } from "../../src/cache/answer-cache.ts";
import { cacheKey } from "../../src/cache/cache-key.ts";
import { createFleetExecutor } from "../../src/execute/executor.ts";
import { openSession } from "../../src/postgres/open-session.ts";
import type { TextRows } from "../../src/types.ts";
import { withSql } from "../support/postgres.ts";

const NAME = "tenantry-cache-test";
const policy = { ttlMs: 60_000, accepts: () => true };

/** An executor on a database without tenants, a cache before it, and a count of what reached the database. */
async function withCachedStatements(
  work: (
    ask: (sql: string, signal: AbortSignal) => ReturnType<AnswerCache<TextRows>["getOrRun"]>,
    runs: () => number,
  ) => Promise<void>,
): Promise<void> {
  let runs = 0;
  const executor = createFleetExecutor({
    openSession: () =>
      openSession({
        url: inject("postgresUrl"),
        applicationName: NAME,
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 30_000,
      }),
    lanes: "auto",
    laneGroups: 1,
    scheduledGroup: false,
    connectionBudget: 20,
    tenantDeadlineMs: 5_000,
    observe: () => undefined,
  });
  const cache = createAnswerCache<TextRows>({ maxBytes: 1e6, observe: () => undefined });
  const ask = (sql: string, signal: AbortSignal) =>
    cache.getOrRun(
      cacheKey({ parts: [sql], tenants: [] }),
      policy,
      async (stop) => {
        runs += 1;
        const value = await executor.runOnce(sql, {
          maxRows: 10,
          maxBytes: 1e6,
          deadlineAtMs: Date.now() + 20_000,
          signal: stop,
        });
        return { value, bytes: 100, cacheable: true };
      },
      signal,
    );
  try {
    await work(ask, () => runs);
  } finally {
    cache.close();
    await executor.close();
  }
}

test("fifty equal requests cost one statement, and later ones none", () =>
  withCachedStatements(async (ask, runs) => {
    const patient = () => new AbortController().signal;
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask("select random(), pg_sleep(0.1)", patient())),
    );
    expect(new Set(answers.map(({ value }) => value.rows[0]?.[0])).size).toBe(1);
    expect((await ask("select random(), pg_sleep(0.1)", patient())).status).toBe("hit");
    expect(runs()).toBe(1);
  }));

test("the statement is cancelled on the server when the last one who waits for it leaves", () =>
  withCachedStatements(async (ask, runs) => {
    const active = () =>
      withSql(inject("postgresUrl"), async (sql) => {
        const rows = await sql.query(
          "select 1 from pg_stat_activity where application_name = $1 and state = 'active'",
          [NAME],
        );
        return rows.length;
      });
    const stops = [new AbortController(), new AbortController()];
    const outcomes = Promise.allSettled(stops.map(({ signal }) => ask("select pg_sleep(20)", signal)));
    await expect.poll(active).toBe(1);
    stops[0]?.abort(new Error("left"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await active()).toBe(1);
    stops[1]?.abort(new Error("left"));
    await expect.poll(active, { timeout: 2_000 }).toBe(0);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(runs()).toBe(1);
  }));
