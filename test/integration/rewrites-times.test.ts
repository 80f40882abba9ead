import fc from "fast-check";
import { expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { AppError } from "../../src/errors.ts";
import { createDatabase } from "../../src/postgres/database.ts";
import { REWRITES, type Rewrite } from "../../src/sql/rewrites.ts";
import { requestOf, withFleet } from "../support/app.ts";
import { majorVersionOf } from "../support/postgres.ts";
import { randomTimes, randomTimeTemplate, TIME_TABLES } from "../support/random-times.ts";

// Rewrites change what a query costs and never its rows: random templates of times, with and without them, over one fleet.

const RUNS = Number(process.env.RUNS ?? 150);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const without = (...left: readonly Rewrite[]): ReadonlySet<Rewrite> =>
  new Set(REWRITES.filter((rewrite) => !left.includes(rewrite)));

test("folded and shipped templates give the rows of plain ones", { timeout: 60_000 + 600 * RUNS }, async () => {
  console.log(`SEED=${SEED}`);
  await withFleet(Object.keys(TIME_TABLES), { ddl: TIME_TABLES }, async ({ config, tenants }) => {
    const apps = await Promise.all(
      [without("fold", "ship-times"), without("ship-times"), without("fold"), without()].map((rewrites) =>
        createApp({ config, logLevel: "silent", rewrites }),
      ),
    );
    await Promise.all(apps.map((app) => app.refreshCatalog()));
    const databases = tenants.map(({ url }) =>
      createDatabase({
        url,
        applicationName: "tenantry-test",
        maxConnections: 1,
        connectTimeoutMs: 10_000,
      }),
    );
    let withRows = 0;
    try {
      // Before PostgreSQL 17 a difference of infinite times is an error, and which condition is tried first is nobody's promise.
      const [database] = databases;
      const hasInfiniteIntervals = database !== undefined && (await majorVersionOf(database)) >= 17;
      const written = (sql: string): string =>
        hasInfiniteIntervals ? sql : sql.replaceAll(/'-?infinity'/g, "'2026-01-01'");
      await fc.assert(
        fc.asyncProperty(fc.tuple(randomTimes, randomTimes, randomTimes), randomTimeTemplate, async (rows, sql) => {
          await Promise.all(
            databases.map((database, index) =>
              database.query(`SET TimeZone = 'UTC'; TRUNCATE x; ${written(rows[index] ?? "")}`),
            ),
          );
          const [plain, ...others] = await Promise.all(apps.map((app) => answerOf(app, sql)));
          for (const other of others) expect(other).toEqual(plain);
          if (Array.isArray(plain) && plain.length > 0) withRows += 1;
        }),
        { seed: SEED, numRuns: RUNS },
      );
      // Where nothing is answered, nothing is compared.
      expect(withRows).toBeGreaterThan(RUNS / 4);
      console.log(`${withRows} of ${RUNS} have rows`);
    } finally {
      await Promise.all([...apps, ...databases].map((open) => open.close()));
    }
  });
});

/** The rows in an order of their own, or the refusal; a row is the text that a caller gets, names and all. */
async function answerOf(app: Awaited<ReturnType<typeof createApp>>, sql: string): Promise<readonly string[] | string> {
  const everybody = { name: "test", mayRead: () => true };
  try {
    const { body, coverage } = await app.service.run(requestOf(sql), everybody, new AbortController().signal);
    if (coverage.failed.length > 0) return coverage.failed.map(({ tenant, reason }) => `${tenant}: ${reason}`).join();
    const rows: readonly unknown[] = JSON.parse(body.toString());
    return rows.map((row) => JSON.stringify(row)).sort();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}
