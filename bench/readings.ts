import { openOneSession } from "./hand-written.ts";

export const ROWS_PER_TENANT = 20_000;

/** The table as tenants have it, for foreign tables made by hand. */
export const READINGS = {
  name: "readings",
  columns: "id bigint, kind text, at timestamptz, happened timestamp, amount numeric, n integer",
} as const;

/** The filter of the present that the benchmark asks for. */
export const PRESENT_MINUTES = 45;

/**
 * 22 hours with an index on `at`. Nothing is 30 to 50 minutes old: a filter for the last 45 minutes finds the same rows for the quarter of
 * an hour after this, whenever and by whomever it is asked.
 */
const FILL = `
  CREATE TABLE readings (id bigint PRIMARY KEY, kind text, at timestamptz, happened timestamp, amount numeric, n integer);
  SELECT setseed(0.5);
  INSERT INTO readings
  SELECT n, (array['a', 'b', 'c', 'd'])[1 + n % 4], at, at AT TIME ZONE 'UTC', round((1000 * random())::numeric, 2), n % 100
    FROM generate_series(1, ${ROWS_PER_TENANT}) AS n,
         LATERAL (SELECT 22 * 60 * (1 - n / ${ROWS_PER_TENANT}.0) AS minutes) AS age,
         LATERAL (SELECT now() - interval '1 minute' * CASE WHEN minutes BETWEEN 30 AND 50 THEN 51 ELSE minutes END AS at) AS placed;
  CREATE INDEX ON readings (at);
  GRANT SELECT ON readings TO PUBLIC;
  ANALYZE readings`;

/** Creates and fills the table in a tenant's database. */
export async function createReadings(ownerUrl: string): Promise<void> {
  const database = openOneSession(ownerUrl);
  try {
    await database.query(FILL);
  } finally {
    await database.close();
  }
}
