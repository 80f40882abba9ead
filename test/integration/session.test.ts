import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { createTypeNames, kindOfType } from "../../src/postgres/column-types.ts";
import { createDatabase } from "../../src/postgres/database.ts";
import { openSession } from "../../src/postgres/open-session.ts";
import { pgErrorFacts, SessionLost } from "../../src/postgres/pg-error.ts";
import { createReadBudget } from "../../src/postgres/read-budget.ts";
import type { RunOptions, Session } from "../../src/postgres/session.ts";
import { createFaultyLink } from "../support/faults/faulty-link.ts";
import { withSql } from "../support/postgres.ts";

const never = new AbortController().signal;
const plenty = () => createReadBudget({ maxRows: 100_000, maxBytes: 64 * 1024 * 1024 });
const options = () => ({ budget: plenty(), signal: never });

async function withSession<T>(work: (session: Session) => Promise<T>, name = "tenantry-session-test"): Promise<T> {
  const session = await openSession({
    url: inject("postgresUrl"),
    applicationName: name,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 20_000,
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

const factsOf = (promise: Promise<unknown>) => promise.then(() => null, pgErrorFacts);

test("values arrive as PostgreSQL writes them, in UTC and ISO", () =>
  withSession(async (session) => {
    const sql = `select 1::int8 as n, 0.1::float8 as f, '{"a":1}'::jsonb as j, timestamptz '2026-01-02 03:04:05+02' as t,
      interval '1 day 2 hours' as i, '\\x00ff'::bytea as b, array['a b', null] as a, null::text as nothing, '\\' as backslash, true as yes`;
    const { columns, rows, truncated } = await session.run(sql, options());
    expect(rows).toEqual([
      ["1", "0.1", '{"a": 1}', "2026-01-02 01:04:05+00", "1 day 02:00:00", "\\x00ff", '{"a b",NULL}', null, "\\", "t"],
    ]);
    expect(truncated).toBe(false);
    expect(columns.slice(0, 2)).toEqual([
      { name: "n", typeOid: 20 },
      { name: "f", typeOid: 701 },
    ]);
  }));

test("wherever the server falls silent while a session is opened, the opening ends, and the connection with it", async () => {
  // The login is about 500 bytes of the server's, and what follows it about 100.
  const places = Array.from({ length: 35 }, (_, index) => 10 + 20 * index);
  const outcomes = await Promise.all(
    places.map(async (afterBytes) => {
      const link = await createFaultyLink(inject("postgresUrl"));
      link.become({ kind: "hang", afterBytes });
      const url = link.through(inject("postgresUrl"));
      const opening = openSession({ url, applicationName: "x", connectTimeoutMs: 1_500, statementTimeoutMs: 1_000 });
      const outcome = await Promise.race([
        opening.then(
          (session) => session.close().then(() => "opened"),
          () => "refused",
        ),
        new Promise((resolve) => setTimeout(resolve, 10_000, "never ended")),
      ]);
      await expect.poll(link.connections).toBe(0);
      await link.close();
      return outcome;
    }),
  );
  expect(new Set(outcomes)).toEqual(new Set(["refused", "opened"]));
  expect(outcomes.filter((outcome) => outcome === "refused").length).toBeGreaterThan(20);
});

test("settings hold, and what a statement changes of them is gone with it", () =>
  withSession(async (session) => {
    const settings = [
      "TimeZone",
      "search_path",
      "default_transaction_read_only",
      "transaction_read_only",
      "jit",
      "lock_timeout",
    ];
    const show = `select ${settings.map((name) => `current_setting('${name}')`).join(", ")}`;
    const expected = [["UTC", "pg_catalog,public", "on", "on", "off", "1s"]];
    expect((await session.run(show, options())).rows).toEqual(expected);
    await session.run(
      "select set_config('TimeZone', 'Asia/Tokyo', false), set_config('search_path', 'x', false), pg_advisory_lock(42)",
      options(),
    );
    expect((await session.run(show, options())).rows).toEqual(expected);
    expect(
      (
        await session.run(
          "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
          options(),
        )
      ).rows,
    ).toEqual([["0"]]);
  }));

test("options of the connection string do not replace the pinned ones", async () => {
  const url = new URL(inject("postgresUrl"));
  url.searchParams.set("options", "-c TimeZone=Asia/Tokyo -c default_transaction_read_only=off -c work_mem=8MB");
  const session = await openSession({
    url: url.href,
    applicationName: "x",
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 20_000,
  });
  const sql =
    "select current_setting('TimeZone'), current_setting('default_transaction_read_only'), current_setting('work_mem')";
  expect((await session.run(sql, options())).rows).toEqual([["UTC", "on", "8MB"]]);
  await session.close();
});

test.each(["select 1; select 2", "commit; select 1", "select 1; commit", "rollback; create table escaped (a int)"])(
  "the server refuses two statements: %s",
  (sql) =>
    withSession(async (session) => {
      expect(await factsOf(session.run(sql, options()))).toMatchObject({ sqlstate: "42601", remote: false });
      expect(await factsOf(session.describe(sql, never))).toMatchObject({ sqlstate: "42601" });
      expect(await factsOf(session.explain(sql, never))).toMatchObject({ sqlstate: "42601" });
      expect((await session.run("select 1", options())).rows).toEqual([["1"]]);
    }),
);

test.each(["create table escaped (a int)", "set default_transaction_read_only = off", "commit", "begin read write"])(
  "one statement cannot write, and leaves nothing behind: %s",
  (sql) =>
    withSession(async (session) => {
      await session.run(sql, options()).catch(() => undefined);
      expect((await session.run("show transaction_read_only", options())).rows).toEqual([["on"]]);
      expect(await factsOf(session.run("create table escaped (a int)", options()))).toMatchObject({
        sqlstate: "25006",
      });
    }),
);

test("a NUL does not reach the protocol", () =>
  withSession(async (session) => {
    await expect(session.run("select 1\0", options())).rejects.toThrow(RangeError);
    await expect(session.describe("select 1\0", never)).rejects.toThrow(RangeError);
    await expect(session.explain("select 1\0", never)).rejects.toThrow(RangeError);
  }));

test("describing and explaining run nothing", () =>
  withSession(async (session) => {
    expect(await session.describe("select 1/0 as a, 'x'::text as b", never)).toEqual([
      { name: "a", typeOid: 23 },
      { name: "b", typeOid: 25 },
    ]);
    expect(await factsOf(session.describe("select nope", never))).toMatchObject({
      kind: "missing_column",
      position: 8,
    });
    expect(await session.explain("select pg_sleep(3600)", never)).toMatchObject([{ Plan: { "Node Type": "Result" } }]);
  }));

test("text arrays arrive as they were sent", () =>
  withSession(async (session) => {
    const text = fc.string({ unit: fc.constantFrom("a", '"', "\\", "{", "}", ",", " ", "'", "é", "\n", "NULL") });
    const texts = fc.array(fc.option(text), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(texts, text, async (values, single) => {
        const sql = "select to_json($1::text[])::text, $2::text";
        const { rows } = await session.run(sql, { ...options(), values: [values, single] });
        expect(JSON.parse(rows[0]?.[0] ?? "")).toEqual(values);
        expect(rows[0]?.[1]).toBe(single);
      }),
      { numRuns: 200, verbose: true },
    );
  }));

test("reading stops at the row limit and at the byte limit, and only then says so", () =>
  withSession(async (session) => {
    const read = async (rows: number, limits: { maxRows: number; maxBytes: number }) => {
      const answer = await session.run(`select repeat('x', 10) from generate_series(1, ${rows})`, {
        ...options(),
        budget: createReadBudget(limits),
      });
      return [answer.rows.length, answer.truncated];
    };
    expect(await read(12_345, { maxRows: 20_000, maxBytes: 1e9 })).toEqual([12_345, false]);
    expect(await read(12_345, { maxRows: 12_345, maxBytes: 1e9 })).toEqual([12_345, false]);
    expect(await read(12_346, { maxRows: 12_345, maxBytes: 1e9 })).toEqual([12_345, true]);
    expect(await read(10_000_000, { maxRows: 700, maxBytes: 1e9 })).toEqual([700, true]);
    expect(await read(1_000, { maxRows: 20_000, maxBytes: 1_805 })).toEqual([100, true]);
    expect(await read(0, { maxRows: 1, maxBytes: 1 })).toEqual([0, false]);
  }));

test("rows of a statement that fails are given back to the budget", () =>
  withSession(async (session) => {
    const budget = createReadBudget({ maxRows: 50_000, maxBytes: 1e9 });
    const sql = "select 1 / (20000 - n) from generate_series(1, 30000) n";
    expect(await factsOf(session.run(sql, { budget, signal: never }))).toMatchObject({
      sqlstate: "22012",
      message: "division by zero",
    });
    expect(budget.rowsLeft()).toBe(50_000);
  }));

test("a statement whose clean-up may wait is cleaned up as soon as somebody waits for that, or asks again", () =>
  withSession((session) =>
    withSql(inject("postgresUrl"), async (sql) => {
      const later = { ...options(), cleanUpLater: true };
      const pidOf = async () => Number((await session.run("select pg_backend_pid()", later)).rows[0]?.[0]);
      const pid = await pidOf();
      const isOpen = async () =>
        (await sql.query("select 1 from pg_stat_activity where pid = $1 and xact_start is not null", [pid])).length ===
        1;
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await isOpen()).toBe(true);
      await session.idle();
      expect(await isOpen()).toBe(false);
      expect([await pidOf(), await pidOf(), await isOpen()]).toEqual([pid, pid, true]);
      await expect(session.run("select 1 / 0", later)).rejects.toThrow();
      expect(await pidOf()).toBe(pid);
      await session.close();
      await expect.poll(isOpen).toBe(false);
    }),
  ));

/** Runs statements that leave their clean-up for later, and looks at the transactions of the session. */
function withShared(
  work: (shared: {
    readonly session: Session;
    readonly run: (sql: string, together?: symbol, changes?: Partial<RunOptions>) => Promise<string>;
    readonly began: (together?: symbol) => Promise<string>;
    readonly isOpen: () => Promise<boolean>;
  }) => Promise<void>,
): Promise<void> {
  return withSession(
    (session) =>
      withSql(inject("postgresUrl"), async (sql) => {
        const run = async (text: string, together?: symbol, changes: Partial<RunOptions> = {}): Promise<string> => {
          const { rows } = await session.run(text, { ...options(), cleanUpLater: true, together, ...changes });
          return String(rows[0]?.[0]);
        };
        const open = "select 1 from pg_stat_activity where application_name = 'shared-test' and xact_start is not null";
        await work({
          session,
          run,
          began: (together) => run("select now()::text", together),
          isOpen: async () => (await sql.query(open)).length === 1,
        });
      }),
    "shared-test",
  );
}

const forgetting = { take: () => true, full: () => null };
const [ours, theirs] = [Symbol("ours"), Symbol("theirs")];

test("a transaction goes on for the statements that belong together, and for nobody else's", () =>
  withShared(async ({ session, run, began, isOpen }) => {
    expect(session.keeps(ours)).toBe(false);
    const first = await began(ours);
    expect([session.keeps(ours), session.keeps(theirs)]).toEqual([true, false]);
    expect(await began(ours)).toBe(first);
    expect(await began(ours)).toBe(first);
    const second = await began(theirs);
    expect(second).not.toBe(first);
    expect(await began()).not.toBe(second);
    const third = await began(ours);
    await session.idle();
    expect([session.keeps(ours), await isOpen()]).toEqual([false, false]);
    expect(await began(ours)).not.toBe(third);
    expect(await session.stream("select 1", { sink: forgetting, signal: never })).toBe(true);
    expect([session.keeps(ours), await isOpen()]).toEqual([false, false]);
    await began(ours);
    expect(await session.describe("select 1 as one", never)).toHaveLength(1);
    expect(await isOpen()).toBe(false);
    await began(ours);
    await run("select 1");
    await session.close();
    await expect.poll(isOpen).toBe(false);
  }));

test("one that gives up, before its turn or in it, leaves no transaction to anybody", () =>
  withShared(async ({ session, run, began, isOpen }) => {
    for (const together of [ours, theirs]) {
      const before = await began(ours);
      const gone = AbortSignal.abort(new Error("gone"));
      await expect(run("select 1", ours, { signal: gone })).rejects.toThrow("gone");
      expect(await began(theirs)).not.toBe(before);
      const after = await began(ours);
      const leaving = new AbortController();
      const left = run("select pg_sleep(30)", together, { signal: leaving.signal });
      leaving.abort(new Error("left"));
      await expect(left).rejects.toThrow("left");
      expect(await began(ours)).not.toBe(after);
      await session.idle();
      expect(await isOpen()).toBe(false);
      expect(session.usable()).toBe(true);
    }
  }));

test("a statement that a transaction of others failed is tried in one of its own, and one that failed by itself is not", () =>
  withShared(async ({ run, began }) =>
    withSql(inject("postgresUrl"), async (sql) => {
      const body = "if now()::text = began then raise 'refused' using errcode = code; end if; return 'done';";
      await sql.query(
        `create or replace function refuse_in(began text, code text) returns text language plpgsql as $$ begin ${body} end $$`,
      );
      try {
        // As a standby refuses a snapshot that is too old, and as postgres_fdw tells of a tenant's connection that was lost.
        for (const code of ["40001", "08006"]) {
          const first = await began(ours);
          expect(await run("select refuse_in($1, $2)", ours, { values: [first, code] })).toBe("done");
        }
        const first = await began(ours);
        await expect(run("select refuse_in($1, '22012')", ours, { values: [first] })).rejects.toThrow("refused");
      } finally {
        await sql.query("drop function refuse_in");
      }
    }),
  ));

test("a transaction that goes on is read-only; what fails or is cut ends it", () =>
  withShared(async ({ session, run, began }) => {
    const second = await began(ours);
    await expect(run("create table never (a int)", ours)).rejects.toThrow("read-only transaction");
    expect(session.keeps(ours)).toBe(false);
    expect(await began(ours)).not.toBe(second);
    await session.idle();
    // Rows that are left in the portal, and rows that the last batch had too many of.
    for (const rows of [100, 5]) {
      const budget = createReadBudget({ maxRows: 3, maxBytes: 1e6 });
      await run(`select now() from generate_series(1, ${rows})`, ours, { budget });
      expect(session.keeps(ours)).toBe(false);
    }
    expect(await run("select current_setting('transaction_read_only')", ours)).toBe("on");
  }));

test("a statement that ends the transaction itself is found out: the next one has one of its own", () =>
  withShared(async ({ run }) => {
    for (const end of ["commit", "rollback"]) {
      await run("select 1", ours);
      await run(end, ours);
      await expect(run("create table never (a int)", ours)).rejects.toThrow("read-only transaction");
    }
  }));

test("a transaction goes on for a second at most, and for eight statements", () =>
  withShared(async ({ session, run, began }) => {
    const first = await began(ours);
    await run("select pg_sleep(1)", ours);
    expect(session.keeps(ours)).toBe(false);
    expect(await began(ours)).not.toBe(first);
    await session.idle();
    const times: string[] = [];
    for (let count = 0; count < 9; count += 1) times.push(await began(ours));
    expect([new Set(times.slice(0, 8)).size, new Set(times).size]).toEqual([1, 2]);
  }));

test("a session that was killed while its transaction waited is lost, and says so", () =>
  withShared(async ({ session, began }) =>
    withSql(inject("postgresUrl"), async (sql) => {
      await began(ours);
      await sql.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'shared-test'");
      await expect.poll(() => session.keeps(ours)).toBe(false);
      expect(session.usable()).toBe(false);
      expect(await factsOf(session.run("select 1", { ...options(), together: ours }))).toMatchObject({
        kind: "connection_lost",
      });
    }),
  ));

test("an abort cancels the statement on the server, and the session is clean for the next one", () =>
  withSession(async (session) => {
    const stop = new AbortController();
    const running = session.run("select pg_sleep(30)", { budget: plenty(), signal: stop.signal });
    const count = () =>
      withSql(inject("postgresUrl"), async (sql) => {
        const active = "application_name = 'abort-test' and state = 'active'";
        return (await sql.query(`select 1 from pg_stat_activity where ${active}`)).length;
      });
    await expect.poll(count).toBe(1);
    const startedMs = Date.now();
    stop.abort(new Error("not wanted any more"));
    await expect(running).rejects.toThrow("not wanted any more");
    expect(Date.now() - startedMs).toBeLessThan(100);
    // The next statement waits until the session is clean, and the cancel request does not hit it.
    expect((await session.run("select pg_sleep(0.3), 1", options())).rows).toEqual([["", "1"]]);
    expect(session.usable()).toBe(true);
    expect(await count()).toBe(0);
  }, "abort-test"));

test("aborts at any moment leave a clean session", () =>
  withSession(async (session) => {
    for (let delayMs = 0; delayMs < 40; delayMs += 1) {
      const stop = new AbortController();
      const running = session.run("select set_config('search_path', 'x', false), pg_sleep(0.02)", {
        budget: plenty(),
        signal: stop.signal,
      });
      setTimeout(() => stop.abort(new Error("left")), delayMs);
      const outcome = await running.then(
        () => null,
        (error: unknown) => error,
      );
      if (outcome !== null) expect(outcome).toMatchObject({ message: "left" });
      const { rows } = await session.run("show search_path", options());
      expect(rows).toEqual([["pg_catalog,public"]]);
    }
  }));

test("a session that does not stop when cancelled is ended soon", async () => {
  const link = await createFaultyLink(inject("postgresUrl"));
  try {
    const session = await openSession({
      url: link.through(inject("postgresUrl")),
      applicationName: "frozen-test",
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 20_000,
    });
    const stop = new AbortController();
    const running = session.run("select pg_sleep(10)", { budget: plenty(), signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    link.become({ kind: "silent" });
    stop.abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    const startedMs = Date.now();
    await session.idle();
    expect(Date.now() - startedMs).toBeLessThan(1_000);
    expect(session.usable()).toBe(false);
    await expect(session.run("select 1", options())).rejects.toThrow(SessionLost);
  } finally {
    link.become({ kind: "pass" });
    await link.close();
  }
});

test("huge rows are not read beyond the byte limit", () =>
  withSession(async (session) => {
    const read = async (sql: string, limits: { maxRows: number; maxBytes: number }) => {
      const before = process.memoryUsage().rss;
      let peak = before;
      const watch = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage().rss);
      }, 5);
      try {
        const answer = await session.run(sql, { ...options(), budget: createReadBudget(limits) });
        await session.idle();
        return { rows: answer.rows.length, truncated: answer.truncated, grownMiB: (peak - before) / 2 ** 20 };
      } finally {
        clearInterval(watch);
      }
    };
    const limits = { maxRows: 100_000, maxBytes: 64 * 2 ** 20 };
    // Rows of 13 MB: five fit. Then rows that grow only after the first batches.
    const huge = await read("select repeat('x', 13000000) from generate_series(1, 400)", limits);
    expect(huge).toMatchObject({ rows: 5, truncated: true });
    expect(huge.grownMiB).toBeLessThan(400);
    const sql = "select repeat('x', case when n > 400 then 5000000 else 1 end) from generate_series(1, 3000) n";
    const growing = await read(sql, limits);
    expect(growing).toMatchObject({ rows: 413, truncated: true });
    expect(growing.grownMiB).toBeLessThan(400);
    expect((await session.run("select 1", options())).rows).toEqual([["1"]]);
  }));

test.each([
  ["a value that is too long for a string", "select string_agg(v, '') from generate_series(1, 55)"],
  [
    "many values of a row",
    `select ${Array.from({ length: 8 }, (_, n) => `v as v${n}`).join()} from generate_series(1, 3)`,
  ],
  ["a message that is no row", "select string_agg(v, '')::int from generate_series(1, 8)"],
])("what is too large to read ends the session, not the process: %s", (_, sql) =>
  withSession(async (session) => {
    const from = sql.replace(" from ", " from (select repeat('x', 10000000) as v) big, ");
    expect(await factsOf(session.run(from, options()))).toEqual({
      sqlstate: "54000",
      kind: "query",
      remote: false,
      message: "a row, or an error, has more than 16 MiB, which is too much to read",
    });
    expect(session.usable()).toBe(false);
  }),
);

test("a session that the server ended is not usable", () =>
  withSession(async (session) => {
    const running = factsOf(session.run("select pg_sleep(30)", options()));
    const kill =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'kill-test' and state = 'active'";
    await expect.poll(() => withSql(inject("postgresUrl"), async (sql) => (await sql.query(kill)).length)).toBe(1);
    expect(await running).toMatchObject({ kind: "connection_lost" });
    await expect.poll(() => session.usable()).toBe(false);
  }, "kill-test"));

test("type names are PostgreSQL's, and say what a value means", () =>
  withSql(inject("postgresUrl"), async (sql) => {
    const names = await createTypeNames(sql).namesOf([20, 1184, 1007, 1700, 3802, 2950, 16, 4_000_000_000]);
    expect(names).toEqual([
      "bigint",
      "timestamp with time zone",
      "integer[]",
      "numeric",
      "jsonb",
      "uuid",
      "boolean",
      "unknown",
    ]);
    expect(names.map(kindOfType)).toEqual(["number", "time", "array", "number", "json", "text", "boolean", "text"]);
  }));

test("a catalog connection that falls silent is given up, and the next question gets another", async () => {
  const link = await createFaultyLink(inject("postgresUrl"));
  const database = createDatabase({
    url: link.through(inject("postgresUrl")),
    applicationName: "catalog-test",
    maxConnections: 1,
    connectTimeoutMs: 500,
    queryTimeoutMs: 500,
  });
  try {
    await database.query("select 1");
    link.become({ kind: "silent" });
    const startedMs = Date.now();
    const outcome = createTypeNames(database).namesOf([20]);
    await expect(outcome).rejects.toMatchObject({ code: "FEDERATION_UNAVAILABLE", retryAfterSeconds: 5 });
    expect(Date.now() - startedMs).toBeLessThan(2_000);
    link.become({ kind: "pass" });
    expect(await createTypeNames(database).namesOf([20])).toEqual(["bigint"]);
    await expect(database.query("select pg_sleep(5)")).rejects.toThrow();
    expect(await database.query("select 1 as n")).toEqual([{ n: 1 }]);
  } finally {
    link.become({ kind: "pass" });
    await database.close();
    await link.close();
  }
});
