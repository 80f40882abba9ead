import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type FleetApp, openFleet } from "../support/app.ts";
import { type BouncerReader, createBouncerReader } from "../support/bouncer-reader.ts";
import { createPgbouncer, type Pgbouncer } from "../support/pgbouncer.ts";

// Tenants behind a real PgBouncer, with `remoteOptions: off` and a login that is set up as docs/tenants.md says.

const NAMES = ["a", "b", "c", "d", "hasty"] as const;

const ITEMS = `CREATE TABLE items (id int, kind text, amount numeric, at timestamptz, took interval, ratio float8);
  INSERT INTO items SELECT n, 'k' || n % 3, n * 1.25, '2026-01-01Z'::timestamptz + n * interval '1 minute', n * interval '-1 day -2:03:04',
    1::float8 / (n + 2) FROM generate_series(1, 40) n;`;

/** A tenant whose database changes what its sessions print: in transaction mode, what postgres_fdw sets against it does not last. */
function databaseOf(reader: string, statementTimeout: string): string {
  return `${ITEMS} CREATE VIEW slow AS SELECT pg_sleep(60)::text AS slept;
    CREATE TABLE writes (n int); CREATE FUNCTION write() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER
      AS 'INSERT INTO public.writes VALUES (1) RETURNING n'; CREATE VIEW sly AS SELECT public.write() AS n;
    DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET IntervalStyle = sql_standard', current_database());
      EXECUTE format('ALTER DATABASE %I SET DateStyle = German', current_database());
      EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'Asia/Tokyo');
      EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -5', current_database());
      EXECUTE format('ALTER ROLE ${reader} IN DATABASE %I SET statement_timeout = %L', current_database(), '${statementTimeout}');
    END $$;`;
}

const ROWS = "SELECT id, kind, amount, at, took, ratio FROM $<tenant>_items ORDER BY tenant, id";
const GROUPS =
  "SELECT kind, count(*) AS n, sum(amount) AS s, max(at) AS newest, min(took) AS least FROM $<tenant>_items GROUP BY kind ORDER BY tenant, kind";
const PLAIN = "SET IntervalStyle = postgres; SET extra_float_digits = 3;";
const DIRECT_ROWS = `${PLAIN} SELECT id, kind, amount::float8, (extract(epoch FROM at) * 1000)::float8 AS at, took::text, ratio FROM items ORDER BY id`;
const DIRECT_GROUPS = `${PLAIN} SELECT kind, count(*)::int AS n, sum(amount)::float8 AS s, (extract(epoch FROM max(at)) * 1000)::float8 AS newest,
  min(took)::text AS least FROM items GROUP BY kind ORDER BY kind`;

let reader: BouncerReader;

beforeAll(async () => {
  reader = await createBouncerReader();
});

afterAll(() => reader?.close());

describe.each(["session", "transaction"] as const)("in %s mode", (poolMode) => {
  let bouncer: Pgbouncer;
  let fleet: FleetApp & { readonly close: () => Promise<void> };

  beforeAll(async () => {
    bouncer = await createPgbouncer({ targetUrl: inject("postgresUrl"), poolMode, logins: [reader] });
    const database = databaseOf(reader.user, "0");
    fleet = await openFleet(NAMES, {
      ddl: { a: database, b: database, c: database, d: database, hasty: databaseOf(reader.user, "1s") },
      federation: { remoteOptions: "off" },
      urlOf: ({ url }) => reader.as(bouncer.through(url)),
    });
  });

  afterAll(async () => {
    await fleet?.close();
    await bouncer?.close();
  });

  const post = (body: object, init: RequestInit = {}): Promise<Response> =>
    fetch(`${fleet.url}/v1/query`, { method: "POST", body: JSON.stringify(body), ...init });

  /** How many statements of the view `slow` run on a tenant. */
  const sleeping = async (tenant: string): Promise<number> => {
    const sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    return (await fleet.onTenant(tenant, sql)).length;
  };

  /** Everybody answers, and rightly, by itself after a while. */
  const isWhole = async (): Promise<void> => {
    const answered = async () => (await fleet.ask(GROUPS).catch(() => null))?.answer.coverage.answered;
    await expect.poll(answered, { timeout: 40_000, interval: 250 }).toBe(NAMES.length);
    expect((await fleet.ask(GROUPS)).rows).toEqual(await fleet.onEachTenant(DIRECT_GROUPS));
  };

  test("rows are the tenants' own, one request after another and twenty at once", async () => {
    const expected = await fleet.onEachTenant(DIRECT_ROWS);
    expect(expected).toHaveLength(40 * NAMES.length);
    for (let round = 0; round < 3; round += 1) expect((await fleet.ask(ROWS)).rows).toEqual(expected);
    const different = Array.from({ length: 20 }, (_, n) => ROWS.replace("ORDER", `WHERE id > ${-n} ORDER`));
    const answers = await Promise.all(different.map((sql) => fleet.ask(sql)));
    for (const { rows, notices } of answers) expect([rows, notices]).toEqual([expected, []]);
  });

  test("aggregates are the tenants' work, and HTTP has the same rows", async () => {
    const [block] = (await fleet.explain(GROUPS)).blocks;
    expect(block?.verdicts.map(({ verdict }) => verdict)).toEqual(["pushed"]);
    const answer = await post({ sql: GROUPS });
    expect([answer.status, answer.headers.get("x-tenants-answered")]).toEqual([200, "5"]);
    expect(await answer.json()).toEqual(await fleet.onEachTenant(DIRECT_GROUPS));
  });

  test("what the login may not do is refused", async () => {
    expect((await fleet.refusal("SELECT n FROM $<tenant:a>_sly")).message).toContain("read-only (SQLSTATE 25006)");
    expect(await fleet.onTenant("a", "SELECT n FROM writes")).toEqual([]);
    const { message } = await fleet.refusal("SELECT slept FROM $<tenant:hasty>_slow");
    expect(message).toContain("the tenant's database stopped the statement: it took too long");
    await isWhole();
  });

  test("a statement that fails leaves its tenant out, and no other", async () => {
    await fleet.onTenant("c", "DROP TABLE items");
    try {
      const others = NAMES.filter((name) => name !== "c");
      for (let round = 0; round < 2; round += 1) {
        const { rows, answer } = await fleet.ask("SELECT count(*) AS n FROM $<tenant>_items ORDER BY tenant");
        expect(rows).toEqual(others.map((tenant) => ({ n: 40, tenant })));
        expect(answer.coverage).toMatchObject({
          expected: 5,
          answered: 4,
          failed: [{ tenant: "c", reason: "relation_missing" }],
        });
      }
    } finally {
      await fleet.onTenant("c", ITEMS);
    }
    await isWhole();
  });

  test("a caller who leaves stops the statement on the tenant", async () => {
    const leaving = new AbortController();
    const left = post({ sql: "SELECT slept FROM $<tenant:b>_slow" }, { signal: leaving.signal }).catch(() => null);
    await expect.poll(() => sleeping("b"), { timeout: 10_000 }).toBe(1);
    leaving.abort();
    expect(await left).toBeNull();
    await expect.poll(() => sleeping("b"), { timeout: 10_000 }).toBe(0);
    await isWhole();
  });

  test("a deadline stops the statement on the tenant", async () => {
    const refused = fleet.refusal("SELECT slept FROM $<tenant:d>_slow", { deadlineMs: 5_000 });
    await expect.poll(() => sleeping("d"), { timeout: 10_000 }).toBeGreaterThan(0);
    expect(["TENANT_FAILED", "DEADLINE_EXCEEDED"]).toContain((await refused).code);
    await expect.poll(() => sleeping("d"), { timeout: 10_000 }).toBe(0);
    await isWhole();
  });

  test("while the bouncer is away its tenants are unreachable; they come back by themselves", async () => {
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await bouncer.stop(signal);
      const refusal = await fleet.refusal(ROWS);
      expect(refusal).toMatchObject({ code: "TENANT_FAILED", message: expect.stringContaining("cannot be reached") });
      await bouncer.start();
      await isWhole();
    }
  });

  test("a bouncer that was restarted between two requests costs none of them anything", async () => {
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await isWhole();
      await bouncer.stop(signal);
      await bouncer.start();
      expect((await fleet.ask(GROUPS)).rows).toEqual(await fleet.onEachTenant(DIRECT_GROUPS));
    }
  });
});
