import pgPromise from "pg-promise";
import { expect, inject, test } from "vitest";
import type { RawClient } from "../../src/postgres/raw-client.ts";
import { createReadBudget } from "../../src/postgres/read-budget.ts";
import { type ReadOptions, readRows } from "../../src/postgres/read-rows.ts";
import type { Closing } from "../../src/postgres/read-statement.ts";

/** A client of pg, and how many pieces it wrote since the last time. */
async function withClient(work: (client: RawClient, writes: () => number) => Promise<void>): Promise<void> {
  const db = pgPromise({ noWarnings: true })({ connectionString: inject("postgresUrl") });
  const connected = await db.connect({ direct: true });
  try {
    const { stream } = connected.client.connection;
    let written = 0;
    for (const name of ["_write", "_writev"] as const) {
      const original: unknown = Reflect.get(stream, name);
      if (typeof original !== "function") continue;
      Reflect.set(stream, name, (...given: unknown[]) => {
        written += 1;
        return Reflect.apply(original, stream, given);
      });
    }
    await work(connected.client, () => {
      const count = written;
      written = 0;
      return count;
    });
  } finally {
    await connected.done();
    await db.$pool.end();
  }
}

const options = (changes: Partial<ReadOptions> = {}): ReadOptions => ({
  values: [],
  budget: createReadBudget({ maxRows: 1_000, maxBytes: 1e6 }),
  interrupt: () => undefined,
  earlier: 0,
  mayClose: Promise.resolve<Closing>("roll back"),
  interrupted: () => false,
  ...changes,
});

test("a statement is two writes, leaves nothing behind, and runs read-only in a transaction of its own", () =>
  withClient(async (client, writes) => {
    writes();
    const sql =
      "select set_config('search_path', 'x', false), pg_advisory_lock(1)::text, current_setting('transaction_read_only')";
    const reading = readRows(client, sql, options());
    expect(await reading.rows).toMatchObject({ rows: [["x", "", "on"]], truncated: false });
    expect(await reading.closed).toBe("clean");
    expect(writes()).toBe(2);
    const after = readRows(
      client,
      "select current_setting('search_path'), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
      options(),
    );
    expect((await after.rows).rows).toEqual([['"$user", public', "0"]]);
    expect(await after.closed).toBe("clean");
  }));

test("a transaction that is kept takes more statements, of two writes each, and the last one ends it", () =>
  withClient(async (client, writes) => {
    const sql =
      "select now()::text, current_setting('transaction_read_only'), (select count(*) from pg_cursors where name <> '')";
    const keep = Promise.resolve<Closing>("keep transaction");
    const first = readRows(client, sql, options({ mayClose: keep }));
    expect(await first.closed).toBe("open");
    writes();
    const second = readRows(client, sql, options({ earlier: 1, mayClose: keep }));
    expect(await second.closed).toBe("open");
    expect(writes()).toBe(2);
    const last = readRows(client, sql, options({ earlier: 2 }));
    expect(await last.closed).toBe("clean");
    const [[began] = []] = (await first.rows).rows;
    expect((await second.rows).rows).toEqual([[began, "on", "2"]]);
    expect((await last.rows).rows).toEqual([[began, "on", "3"]]);
    expect((await client.query("select 1 from pg_cursors")).rows).toEqual([]);
  }));

test("a NULL takes its place in memory, and is counted", () =>
  withClient(async (client) => {
    const sql = `select ${Array(100).fill("null").join(", ")} from generate_series(1, 50)`;
    const { rows } = readRows(client, sql, options({ budget: createReadBudget({ maxRows: 1_000, maxBytes: 8_000 }) }));
    const { rows: kept, truncated } = await rows;
    expect([kept.length, truncated]).toEqual([10, true]);
  }));

test("what fails, and what is cancelled, is left to be rolled back", () =>
  withClient(async (client) => {
    const failing = readRows(client, "select 1 / 0", options());
    await expect(failing.rows).rejects.toThrow("division by zero");
    expect(await failing.closed).toBe("unclean");
    await client.query("ROLLBACK");
    const writing = readRows(client, "create table never (a int)", options());
    await expect(writing.rows).rejects.toThrow("read-only transaction");
    expect(await writing.closed).toBe("unclean");
    await client.query("ROLLBACK");
    const cancelled = readRows(client, "select 1", options({ interrupted: () => true }));
    expect((await cancelled.rows).rows).toEqual([["1"]]);
    expect(await cancelled.closed).toBe("unclean");
    await client.query("ROLLBACK");
  }));

test("a statement that is cut while rows are on their way is closed, and the next one works", () =>
  withClient(async (client) => {
    for (let maxRows = 1; maxRows < 40; maxRows += 3) {
      const budget = createReadBudget({ maxRows, maxBytes: 1e6 });
      const reading = readRows(client, "select n from generate_series(1, 100) n", options({ budget }));
      expect(await reading.rows).toMatchObject({ truncated: true, rows: { length: maxRows } });
      expect(await reading.closed).toBe("clean");
    }
  }));

test("an empty text is no statement", () =>
  withClient(async (client) => {
    const reading = readRows(client, "-- nothing", options());
    expect(await reading.rows).toEqual({ columns: [], rows: [], truncated: false });
    expect(await reading.closed).toBe("clean");
  }));
