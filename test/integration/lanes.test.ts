import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { ExecutionError } from "../../src/execute/execution-error.ts";
import { createFleetExecutor, type FleetExecutor, type FleetExecutorOptions } from "../../src/execute/executor.ts";
import { probeOf } from "../../src/execute/tenant-probes.ts";
import type { Observation } from "../../src/observation.ts";
import type { Database } from "../../src/postgres/database.ts";
import { openSession } from "../../src/postgres/open-session.ts";
import { quoteIdentifier, quoteLiteral } from "../../src/postgres/quote.ts";
import type { Arm } from "../../src/types.ts";
import { majorVersionOf, withSql, withTenants } from "../support/postgres.ts";

const never = new AbortController().signal;
const SESSIONS = "tenantry-lanes-test";
const ENTITIES =
  "create table entities (id int, divisor int); insert into entities select n, 1 from generate_series(1, 10) n";

interface Fixture {
  readonly executor: FleetExecutor;
  readonly federation: Database;
  readonly names: readonly string[];
  readonly seen: readonly Observation[];
  readonly tenantUrl: (tenant: string) => string;
  /** `select … from <tenant>_entities` for each tenant. */
  readonly arms: (select?: string) => readonly Arm[];
  readonly run: (
    arms: readonly Arm[],
    options?: {
      deadlineMs?: number;
      signal?: AbortSignal;
      maxRows?: number;
      caller?: string | undefined;
      together?: symbol | undefined;
    },
  ) => ReturnType<FleetExecutor["runArms"]>;
}

/** A fleet with a foreign server, a user mapping and a foreign table for each tenant, and an executor on it. */
async function withFleet(
  count: number,
  options: Partial<FleetExecutorOptions>,
  work: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `t${index}`);
  await withTenants(names, { ddl: ENTITIES }, ({ federationUrl, tenants }) =>
    withSql(federationUrl, async (federation) => {
      for (const { name, url } of tenants) {
        await federation.query(foreignTable(name, url));
      }
      const seen: Observation[] = [];
      const executor = createFleetExecutor({
        openSession: () =>
          openSession({
            url: federationUrl,
            applicationName: SESSIONS,
            connectTimeoutMs: 3_000,
            statementTimeoutMs: 20_000,
          }),
        lanes: 4,
        laneGroups: 2,
        scheduledGroup: false,
        connectionBudget: 100,
        tenantDeadlineMs: 5_000,
        observe: (observation) => seen.push(observation),
        ...options,
      });
      const tenantUrl = (tenant: string): string => tenants.find(({ name }) => name === tenant)?.url ?? "";
      const arms = (select = "id"): readonly Arm[] =>
        names.map((tenant) => ({
          tenant,
          sql: `select ${select}, ${quoteLiteral(tenant)}::text as tenant from ${tenant}_entities -- arm`,
        }));
      const run: Fixture["run"] = (
        given,
        { deadlineMs = 20_000, signal = never, maxRows = 100_000, caller, together } = {},
      ) =>
        executor.runArms(given, {
          priority: "interactive",
          caller,
          together,
          maxRows,
          maxBytes: 1e8,
          deadlineAtMs: Date.now() + deadlineMs,
          signal,
        });
      try {
        await work({ executor, federation, names, seen, tenantUrl, arms, run });
      } finally {
        await executor.close();
        await expect.poll(() => sessionsOf(federation), { timeout: 3_000 }).toBe(0);
      }
    }),
  );
}

function foreignTable(name: string, url: string, port?: number): string {
  const { hostname, port: ownPort, pathname, username, password } = new URL(url);
  const server = quoteIdentifier(`${name}_server`);
  return `
    create server ${server} foreign data wrapper postgres_fdw
      options (host ${quoteLiteral(hostname)}, port ${quoteLiteral(`${port ?? ownPort}`)}, dbname ${quoteLiteral(pathname.slice(1))}, application_name 'lanes-remote',
        -- Before PostgreSQL 16 a session that connects to a silent server is deaf to all, and DROP DATABASE waits for every session.
        connect_timeout '3');
    create user mapping for current_user server ${server}
      options (user ${quoteLiteral(decodeURIComponent(username))}, password ${quoteLiteral(decodeURIComponent(password))});
    create foreign table ${quoteIdentifier(`${name}_entities`)} (id int, divisor int) server ${server} options (table_name 'entities')`;
}

async function sessionsOf(federation: Database): Promise<number> {
  const rows = await federation.query("select 1 from pg_stat_activity where application_name = $1", [SESSIONS]);
  return rows.length;
}

/** A server that accepts connections and never says a word. */
async function withSilentServer(work: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    await work(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A column of the gathered rows, counted by value. */
function countBy(rows: readonly (readonly (string | null)[])[], column: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[row[column] ?? "null"] = (counts[row[column] ?? "null"] ?? 0) + 1;
  return counts;
}

const tenRowsOf = (tenants: readonly string[]): Record<string, number> =>
  Object.fromEntries(tenants.map((tenant) => [tenant, 10]));

test("20 tenants on 4 lanes give every row once, and connections stay with their lane", () =>
  withFleet(20, {}, async ({ run, arms, names, federation, executor, seen }) => {
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all([run(arms()), run(arms()), run(arms().slice(3, 9))]);
      expect(countBy(answers[0].rows, 1)).toEqual(tenRowsOf(names));
      expect(countBy(answers[2].rows, 1)).toEqual(tenRowsOf(names.slice(3, 9)));
      expect(answers.map(({ failures, truncated }) => [failures.length, truncated])).toEqual(Array(3).fill([0, false]));
      expect(answers[0].columns.map(({ name }) => name)).toEqual(["id", "tenant"]);
    }
    const remote = await federation.query("select 1 from pg_stat_activity where application_name = 'lanes-remote'");
    expect(remote.length).toBeLessThanOrEqual(20 * 2);
    expect(await sessionsOf(federation)).toBe(8);
    expect(seen.filter(({ kind }) => kind === "lane.replaced")).toEqual([]);
    expect(executor.layOut(arms()).map(({ tenants }) => tenants.length)).toEqual([5, 5, 5, 5]);
  }));

test("a tenant whose database is gone, one without the relation, and one whose data fails are named; the others answer", () =>
  withFleet(12, {}, async ({ run, arms, names, tenantUrl, federation }) => {
    await run(arms());
    const [dropped, lacking, dividing, ...healthy] = names as [string, string, string, ...string[]];
    const database = quoteIdentifier(new URL(tenantUrl(dropped)).pathname.slice(1));
    await federation.query(`drop database ${database} with (force)`);
    await withSql(tenantUrl(lacking), (sql) => sql.query("drop table entities"));
    await withSql(tenantUrl(dividing), (sql) => sql.query("update entities set divisor = 0 where id = 7"));
    const expectAnswer = async () => {
      const { rows, failures } = await run(arms("sum(1 / divisor)::int8"));
      expect(rows.toSorted()).toEqual(healthy.map((tenant) => ["10", tenant]).toSorted());
      expect(failures.map(({ tenant, reason }) => [tenant, reason]).toSorted()).toEqual([
        [dropped, "unreachable"],
        [lacking, "relation_missing"],
        [dividing, "query_failed"],
      ]);
      expect(JSON.stringify(failures)).not.toMatch(/127\.0\.0\.1|postgres|SELECT/);
      expect(failures.find(({ tenant }) => tenant === dividing)?.detail).toContain("division by zero");
    };
    await expectAnswer();
    await expectAnswer();
    await withSql(tenantUrl(dividing), (sql) => sql.query("update entities set divisor = 1"));
    expect((await run(arms("sum(1 / divisor)::int8"))).rows.map(([, tenant]) => tenant)).toContain(dividing);
    // The fixture drops what it made.
    await federation.query(`create database ${database}`);
  }));

test("a query that PostgreSQL refuses is the caller's error, not the tenants'", () =>
  withFleet(6, {}, async ({ run, arms, names }) => {
    await expect(run(arms("nope(id)"))).rejects.toThrow(ExecutionError);
    await expect(run(arms("nope"))).rejects.toMatchObject({ facts: { kind: "missing_column", sqlstate: "42703" } });
    await expect(run(arms("1 / 0"))).rejects.toMatchObject({ facts: { sqlstate: "22012", remote: false } });
    expect(countBy((await run(arms())).rows, 1)).toEqual(tenRowsOf(names));
  }));

test("a tenant that accepts and never answers is named; the next request is not held up, and it is trusted again later", () =>
  withSilentServer((port) =>
    withFleet(8, { tenantDeadlineMs: 700 }, async ({ run, arms, names, federation, seen, tenantUrl }) => {
      await run(arms());
      await federation.query(`alter server t3_server options (set port '${port}')`);
      const others = names.filter((name) => name !== "t3");
      const first = await run(arms());
      expect(countBy(first.rows, 1)).toEqual(tenRowsOf(others));
      expect(first.failures).toMatchObject([{ tenant: "t3", reason: "timeout" }]);
      // PostgreSQL gives up connecting at once when asked: the lane keeps its session, and its connections to the others. Before 16 it is deaf.
      const replaced = seen.filter(({ kind }) => kind === "lane.replaced");
      expect(replaced).toHaveLength((await majorVersionOf(federation)) >= 16 ? 0 : 1);

      const startedMs = Date.now();
      const second = await run(arms());
      expect(Date.now() - startedMs).toBeLessThan(400);
      expect(countBy(second.rows, 1)).toEqual(tenRowsOf(others));
      expect(second.failures).toMatchObject([{ tenant: "t3", reason: "timeout" }]);

      await federation.query(`alter server t3_server options (set port '${new URL(tenantUrl("t3")).port}')`);
      await expect.poll(async () => (await run(arms())).failures, { timeout: 10_000, interval: 500 }).toEqual([]);
    }),
  ));

test("a tenant that cannot be reached costs the first request what its lane may take, and no more", () =>
  withSilentServer((port) =>
    withFleet(8, { tenantDeadlineMs: 3_000, lanes: 2 }, async ({ executor, run, arms, names, federation }) => {
      await executor.follow({ probes: probesOf(names), sessions: 100 });
      await federation.query(`alter server t3_server options (set port '${port}')`);
      const { rows, failures } = await run(arms());
      expect(countBy(rows, 1)).toEqual(tenRowsOf(names.filter((name) => name !== "t3")));
      expect(failures).toMatchObject([{ tenant: "t3", reason: "timeout" }]);
      // It was probed in the lane's last second; before there was a probe it was asked for another three.
      expect(failures[0]?.detail).toMatch(/^no answer within 3\.\d s$/);
    }),
  ));

test("a silent tenant takes nothing of the others' room in the answer, though they are asked twice", () =>
  withSilentServer((port) =>
    withFleet(8, { tenantDeadlineMs: 2_000, lanes: 1 }, async ({ executor, run, arms, names, federation }) => {
      await executor.follow({ probes: probesOf(names), sessions: 100 });
      await federation.query(`alter server t7_server options (set port '${port}')`);
      const { rows, failures, truncated } = await run(arms(), { maxRows: 70 });
      expect(failures).toMatchObject([{ tenant: "t7", reason: "timeout" }]);
      expect(countBy(rows, 1)).toEqual(tenRowsOf(names.filter((name) => name !== "t7")));
      expect(truncated).toBe(false);
    }),
  ));

test("a query that fails everywhere leaves the tenants together on their lanes", () =>
  withFleet(8, { lanes: 2 }, async ({ executor, run, arms, names, seen }) => {
    await run(arms());
    await expect(run(arms("1 / (id - id)"))).rejects.toBeInstanceOf(ExecutionError);
    const before = seen.length;
    expect(countBy((await run(arms())).rows, 1)).toEqual(tenRowsOf(names));
    expect(seen.slice(before)).toMatchObject([
      { kind: "lane.ran", tenants: 4 },
      { kind: "lane.ran", tenants: 4 },
    ]);
    expect(executor.doubts()).toEqual([]);
  }));

test("a request that is short of time leaves no tenant in doubt", () =>
  withFleet(8, { laneGroups: 1 }, async ({ run, arms, names, federation, seen }) => {
    await run(arms());
    const pids = () =>
      federation.query("select pid from pg_stat_activity where application_name = $1 order by pid", [SESSIONS]);
    const before = await pids();
    for (const deadlineMs of [120, 160, 600, 1_500]) {
      const { rows, failures } = await run(arms("id, pg_sleep(2)::text"), { deadlineMs });
      expect(rows).toEqual([]);
      expect(failures.map(({ tenant }) => tenant).toSorted()).toEqual(names);
      for (const { reason, detail } of failures) {
        expect(reason).toBe("timeout");
        expect(detail).toContain("the request's own time ran out");
      }
      const { rows: next, failures: none } = await run(arms());
      expect(none).toEqual([]);
      expect(countBy(next, 1)).toEqual(tenRowsOf(names));
    }
    // Those that asked tenants alone close in the background.
    await expect.poll(pids).toEqual(before);
    expect(seen.filter(({ kind }) => kind === "lane.replaced")).toEqual([]);
  }));

test("a tenant in doubt that was not asked in time is not said to be silent", () =>
  withSilentServer((port) =>
    withFleet(8, { tenantDeadlineMs: 1_200, lanes: 8 }, async ({ run, arms, names, federation }) => {
      for (const name of names) await federation.query(`alter server ${name}_server options (set port '${port}')`);
      await run(arms());
      await run(arms());
      await new Promise((resolve) => setTimeout(resolve, 6_600));
      // Four at a time are asked alone.
      const { failures } = await run(arms());
      const details = failures.map(({ detail }) => detail.replace(/\d\.\d s/, "n s"));
      // Before PostgreSQL 16 a session that connects to a silent server does not end when told: eight of them are as many as may be.
      const askedAlone = (await majorVersionOf(federation)) >= 16 ? 4 : 0;
      expect(details.filter((detail) => detail === "no answer within n s")).toHaveLength(askedAlone);
      expect(details.filter((detail) => detail.startsWith("not asked"))).toHaveLength(8 - askedAlone);
    }),
  ));

test("a request whose deadline is near still answers for the tenants that can", () =>
  withSilentServer((port) =>
    withFleet(8, { tenantDeadlineMs: 10_000 }, async ({ run, arms, names, federation }) => {
      await run(arms());
      await federation.query(`alter server t3_server options (set port '${port}')`);
      const startedMs = Date.now();
      const { rows, failures } = await run(arms(), { deadlineMs: 2_000 });
      expect(Date.now() - startedMs).toBeLessThan(2_000);
      expect(countBy(rows, 1)).toEqual(tenRowsOf(names.filter((name) => name !== "t3")));
      expect(failures.map(({ tenant }) => tenant)).toEqual(["t3"]);
    }),
  ));

test("lanes whose sessions are killed in mid-query are replaced, and every row comes once", () =>
  withFleet(8, {}, async ({ run, arms, names, federation, seen }) => {
    const running = run(arms("id, pg_sleep(0.1)::text"));
    const kill =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and state = 'active'";
    await expect.poll(async () => (await federation.query(kill, [SESSIONS])).length).toBeGreaterThan(0);
    const { rows, failures } = await running;
    expect(failures).toEqual([]);
    expect(countBy(rows, 2)).toEqual(tenRowsOf(names));
    expect(seen).toContainEqual(expect.objectContaining({ kind: "lane.replaced", cause: "connection" }));
    expect((await run(arms())).failures).toEqual([]);
  }));

test("idle sessions that were killed are replaced without a word to the caller", () =>
  withFleet(4, {}, async ({ run, arms, names, federation, executor }) => {
    await run(arms());
    await executor.describe("select 1", never);
    await federation.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [
      SESSIONS,
    ]);
    expect(countBy((await run(arms())).rows, 1)).toEqual(tenRowsOf(names));
    expect(await executor.describe("select 1 as one", never)).toEqual([{ name: "one", typeOid: 23 }]);
  }));

test("an abort cancels the lanes' statements, and the lanes are free for the next query", () =>
  withFleet(8, { laneGroups: 1 }, async ({ run, arms, names, federation }) => {
    const stop = new AbortController();
    const running = run(arms("id, pg_sleep(20)::text"), { signal: stop.signal });
    const active = async () =>
      (
        await federation.query("select 1 from pg_stat_activity where application_name = $1 and state = 'active'", [
          SESSIONS,
        ])
      ).length;
    await expect.poll(active).toBe(4);
    const pids = () =>
      federation.query("select pid from pg_stat_activity where application_name = $1 order by pid", [SESSIONS]);
    const before = await pids();
    const startedMs = Date.now();
    stop.abort(new Error("the panel was closed"));
    await expect(running).rejects.toThrow("the panel was closed");
    expect(Date.now() - startedMs).toBeLessThan(100);
    // At once, while the sessions are still being cleaned: a late cancel request must not hit the next statement.
    expect(countBy((await run(arms())).rows, 1)).toEqual(tenRowsOf(names));
    await expect.poll(active, { timeout: 2_000 }).toBe(0);
    expect(await pids()).toEqual(before);
  }));

test("lanes clean up after an answer, at once when the next request wants them, and without waiting long for others", () =>
  withFleet(4, { laneGroups: 1, lanes: 4 }, async ({ run, arms, names, federation }) => {
    const OPEN = "select 1 from pg_stat_activity where application_name = $1 and xact_start is not null";
    const open = async () => (await federation.query(OPEN, [SESSIONS])).length;
    for (let request = 0; request < 20; request += 1) {
      expect(countBy((await run(arms())).rows, 1)).toEqual(tenRowsOf(names));
    }
    await expect.poll(open, { timeout: 1_000 }).toBe(0);
    const running = run([...arms("'x'::text").slice(0, 1), ...arms("pg_sleep(0.2)::text").slice(1)]);
    await expect.poll(open, { timeout: 1_000, interval: 10 }).toBe(4);
    await expect.poll(open, { timeout: 1_000, interval: 10 }).toBe(3);
    expect((await running).failures).toEqual([]);
  }));

test("questions that belong together share a transaction on each lane, on which nobody else's runs", () =>
  withFleet(8, { laneGroups: 1, lanes: 2 }, async ({ run, arms, federation, names }) => {
    const timed = arms("now()::text as began");
    await run(timed);
    /** When the transaction of each tenant's lane began, as each of the questions saw it. */
    const began = async (questions: readonly (symbol | undefined)[]) => {
      const answers = await Promise.all(questions.map((together) => run(timed, { together })));
      return names.map((name) =>
        answers.map(({ rows }) => rows.find(([, tenant]) => tenant === name)?.[0] ?? "no row").map(String),
      );
    };
    const [panel, other] = [Symbol("panel"), Symbol("other")];
    for (const seen of await began([panel, panel, panel])) expect(new Set(seen).size).toBe(1);
    for (const seen of await began([undefined, undefined, undefined])) expect(new Set(seen).size).toBe(3);
    for (const seen of await began([panel, other, panel, other])) expect(new Set(seen).size).toBe(4);

    // A tenant that fails one of them, or a caller who leaves, costs the others nothing.
    const failing = arms("1 / (divisor - 1) as n").slice(0, 1);
    const questions = [timed, failing, timed].map((asked) => run(asked, { together: panel }).catch(() => null));
    const [first, failed, last] = await Promise.all(questions);
    expect(failed).toBe(null);
    for (const answer of [first, last]) expect(answer).toMatchObject({ failures: [], rows: { length: 80 } });
    const leaving = new AbortController();
    const slow = run(arms("pg_sleep(1)::text as n"), { together: panel, signal: leaving.signal });
    const quitter = run(timed, { together: panel, signal: leaving.signal });
    const patient = run(timed, { together: other });
    leaving.abort(new Error("left"));
    await expect(slow).rejects.toThrow("left");
    await expect(quitter).rejects.toThrow("left");
    expect(await patient).toMatchObject({ failures: [], rows: { length: 80 } });

    const open = "select 1 from pg_stat_activity where xact_start is not null and application_name = $1";
    await expect.poll(async () => (await federation.query(open, [SESSIONS])).length).toBe(0);
  }));

test.each([
  ["asked by itself", undefined],
  ["in a transaction that others share", Symbol("panel")],
])(
  "a row that is too large to read, or an error that quotes one, costs its tenant the answer and nobody else, %s",
  (_, together) =>
    withFleet(6, { laneGroups: 1, lanes: 2 }, async ({ executor, run, arms, names, seen }) => {
      await executor.follow({ probes: probesOf(names), sessions: 100 });
      const others = tenRowsOf(names.filter((name) => name !== "t2"));
      for (const huge of ["repeat('y', 20000000)", "repeat('y', 20000000)::int::text"]) {
        const asked = arms().map((arm) =>
          arm.tenant === "t2"
            ? { ...arm, sql: `select ${huge}, 't2'::text as tenant from t2_entities where id = 1` }
            : arm,
        );
        const [, { rows, failures, truncated }] = await Promise.all([
          run(arms(), { together }),
          run(
            asked.map((arm) => ({ ...arm, sql: arm.sql.replace("select id", "select id::text") })),
            { together },
          ),
        ]);
        expect(failures).toEqual([
          {
            tenant: "t2",
            reason: "query_failed",
            detail: "a row, or an error, has more than 16 MiB, which is too much to read",
          },
        ]);
        expect(countBy(rows, 1)).toEqual(others);
        expect(truncated).toBe(false);
        // Known by now, it is asked alone: its lane's session is lost to it once for each request.
        const replaced = seen.filter(({ kind }) => kind === "lane.replaced").length;
        const again = await run(asked.map((arm) => ({ ...arm, sql: arm.sql.replace("select id", "select id::text") })));
        expect(again.failures).toEqual(failures);
        expect(seen.filter(({ kind }) => kind === "lane.replaced").length).toBeLessThanOrEqual(replaced + 1);
      }
      expect((await run(arms())).failures).toEqual([]);
    }),
);

test("callers have a lane by rotation, and a question that a tenant is slow with takes it from no other", () =>
  withFleet(2, { laneGroups: 1, lanes: 1, tenantDeadlineMs: 3_000 }, async ({ executor, run, arms, names }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    const order: string[] = [];
    const asked = ["a", "a", "a", "b"].map(async (caller) => {
      await run(arms("id, pg_sleep(0.02)::text"), { caller });
      order.push(caller);
    });
    await Promise.all(asked);
    expect(order).toEqual(["a", "b", "a", "a"]);

    const slow = arms("id, pg_sleep(1)::text").slice(0, 1);
    expect((await run(slow, { caller: "a" })).failures).toMatchObject([{ tenant: "t0", reason: "timeout" }]);
    expect(executor.doubts()).toEqual([]);
    const again = performance.now();
    expect((await run(slow, { caller: "a" })).failures).toMatchObject([{ tenant: "t0", reason: "timeout" }]);
    expect(performance.now() - again).toBeLessThan(500);
    expect(countBy((await run(arms(), { caller: "b" })).rows, 1)).toEqual(tenRowsOf(names));
  }));

test("the row limit is one for all lanes", () =>
  withFleet(8, {}, async ({ run, arms }) => {
    const { rows, truncated } = await run(arms(), { maxRows: 33 });
    expect([rows.length, truncated]).toEqual([33, true]);
    expect((await run(arms(), { maxRows: 80 })).truncated).toBe(false);
  }));

test("statements of no tenant run beside the lanes, with parameters, deadlines and plans", () =>
  withFleet(2, {}, async ({ executor }) => {
    const limits = { maxRows: 10, maxBytes: 1e6, signal: never };
    const soon = (ms: number) => ({ ...limits, deadlineAtMs: Date.now() + ms });
    const sums = await executor.runOnce("select sum(n) from unnest($1::int[]) n", {
      ...soon(5_000),
      values: [["1", "2", null]],
    });
    expect(sums.rows).toEqual([["3"]]);
    await expect(executor.runOnce("select 1; select 2", soon(5_000))).rejects.toMatchObject({
      facts: { sqlstate: "42601" },
    });
    await expect(executor.runOnce("select pg_sleep(10)", soon(100))).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    await expect(executor.runArms([], { ...soon(-1), priority: "scheduled" })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    expect(await executor.explain("select * from t0_entities", never)).toMatchObject([
      { Plan: { "Node Type": "Foreign Scan" } },
    ]);
  }));

test("without a federation database the answer is 503 with a time to try again", async () => {
  const executor = createFleetExecutor({
    openSession: () =>
      openSession({
        url: "postgres://x@127.0.0.1:1/x",
        applicationName: "x",
        connectTimeoutMs: 500,
        statementTimeoutMs: 500,
      }),
    lanes: "auto",
    laneGroups: 1,
    scheduledGroup: false,
    connectionBudget: 10,
    tenantDeadlineMs: 500,
    observe: () => undefined,
  });
  const limits = { maxRows: 1, maxBytes: 1, deadlineAtMs: Date.now() + 5_000, signal: never };
  const outcomes = await Promise.allSettled([
    executor.runArms([{ tenant: "a", sql: "select 1" }], { ...limits, priority: "interactive" }),
    executor.runOnce("select 1", limits),
    executor.describe("select 1", never),
  ]);
  for (const outcome of outcomes) {
    const error = outcome.status === "rejected" ? outcome.reason : null;
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "FEDERATION_UNAVAILABLE", retryAfterSeconds: 5 });
  }
  await executor.close();
  await expect(executor.describe("select 1", never)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
});

test("closing stops what runs", () =>
  withFleet(4, {}, async ({ run, arms, executor, federation }) => {
    const running = run(arms("id, pg_sleep(20)::text")).then(
      () => null,
      (error: unknown) => error,
    );
    await expect.poll(() => sessionsOf(federation)).toBe(4);
    await executor.close();
    expect(await running).toMatchObject({ code: "SHUTTING_DOWN" });
  }));

/** Connections to tenants, of all lanes together. */
async function remoteConnections(federation: Database): Promise<number> {
  const [row] = await federation.query(
    "select count(*)::int as n from pg_stat_activity where application_name = 'lanes-remote'",
  );
  return Number(row?.n);
}

const probesOf = (names: readonly string[]): readonly Arm[] =>
  names.map((tenant) => ({ tenant, sql: probeOf(`${tenant}_entities`) }));

test("lanes that follow a fleet are connected before the first request, and once for each tenant and group", () =>
  withFleet(12, { lanes: "auto" }, async ({ executor, run, arms, names, federation, seen }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    const lanes = expect.toSatisfy((count: number) => count >= 8 && count <= 12);
    expect(seen).toContainEqual({ kind: "lanes.fitted", lanes, tenants: 12, roundTripMs: expect.any(Number) });
    await expect.poll(() => remoteConnections(federation)).toBe(24);
    const started =
      "select pid, backend_start::text from pg_stat_activity where application_name = 'lanes-remote' order by 1";
    const before = await federation.query(started);
    const answers = await Promise.all([run(arms()), run(arms()), run(arms())]);
    for (const { rows, failures } of answers) {
      expect(countBy(rows, 1)).toEqual(tenRowsOf(names));
      expect(failures).toEqual([]);
    }
    expect(await federation.query(started)).toEqual(before);
  }));

test("lanes that lost their sessions are connected again though nobody asks", () =>
  withFleet(6, { laneGroups: 1 }, async ({ executor, names, federation }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    await federation.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [
      SESSIONS,
    ]);
    await expect.poll(() => sessionsOf(federation), { timeout: 5_000 }).toBe(4);
    await expect.poll(() => remoteConnections(federation), { timeout: 5_000 }).toBe(6);
  }));

test("a tenant that refuses and one that is silent are found while the lanes connect, and hold nobody up", () =>
  withSilentServer((port) =>
    withFleet(8, { tenantDeadlineMs: 700, laneGroups: 1 }, async ({ executor, run, arms, names, federation }) => {
      await federation.query(`alter server t3_server options (set port '${port}')`);
      await federation.query("alter server t5_server options (set dbname 'nowhere')");
      await executor.follow({ probes: probesOf(names), sessions: 100 });
      const startedMs = Date.now();
      const { rows, failures } = await run(arms());
      expect(Date.now() - startedMs).toBeLessThan(600);
      expect(countBy(rows, 1)).toEqual(tenRowsOf(names.filter((name) => !["t3", "t5"].includes(name))));
      expect(failures.map(({ tenant, reason }) => [tenant, reason]).toSorted()).toEqual([
        ["t3", "timeout"],
        ["t5", "unreachable"],
      ]);
    }),
  ));

test("a fleet that shrinks gives up the connections of those who left", () =>
  withFleet(8, { laneGroups: 1 }, async ({ executor, run, arms, names, federation }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    await expect.poll(() => remoteConnections(federation)).toBe(8);
    await executor.follow({ probes: probesOf(names.slice(0, 3)), sessions: 100 });
    await expect.poll(() => remoteConnections(federation), { timeout: 5_000 }).toBe(3);
    expect(countBy((await run(arms().slice(0, 3))).rows, 1)).toEqual(tenRowsOf(names.slice(0, 3)));
  }));

test("a tenant that is down is probed beside the requests, which never wait for it, and is trusted again when it answers", () =>
  withSilentServer((port) =>
    withFleet(
      6,
      { tenantDeadlineMs: 700, laneGroups: 1 },
      async ({ executor, run, arms, names, federation, tenantUrl, seen }) => {
        await executor.follow({ probes: probesOf(names), sessions: 100 });
        await federation.query(`alter server t3_server options (set port '${port}')`);
        await run(arms());
        const sinceMs = executor.doubts()[0]?.sinceMs ?? 0;
        expect(executor.doubts()).toEqual([{ tenant: "t3", state: "open", reason: "timeout", sinceMs }]);
        // Long enough for probes that find it silent still.
        for (const untilMs = Date.now() + 7_500; Date.now() < untilMs; ) {
          const startedMs = performance.now();
          const { rows, failures } = await run(arms());
          expect(performance.now() - startedMs).toBeLessThan(400);
          expect(countBy(rows, 1)).toEqual(tenRowsOf(names.filter((name) => name !== "t3")));
          expect(failures).toMatchObject([{ tenant: "t3", reason: "timeout" }]);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        expect(executor.doubts()).toMatchObject([{ tenant: "t3", reason: "timeout", sinceMs }]);
        await federation.query(`alter server t3_server options (set port '${new URL(tenantUrl("t3")).port}')`);
        await expect.poll(async () => (await run(arms())).failures, { timeout: 20_000, interval: 300 }).toEqual([]);
        expect(executor.doubts()).toEqual([]);
        const states = seen.flatMap((one) => (one.kind === "tenant.state" && one.tenant === "t3" ? [one.state] : []));
        expect(states[0]).toBe("open");
        expect(states.slice(-2)).toEqual(["half-open", "closed"]);
      },
    ),
  ));

test("a tenant that cannot be reached is trusted as soon as a probe reaches it, and its lanes are connected again", () =>
  withFleet(4, { laneGroups: 1 }, async ({ executor, run, arms, names, federation, tenantUrl }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    await federation.query("alter server t1_server options (set dbname 'nowhere')");
    expect((await run(arms())).failures).toMatchObject([{ tenant: "t1", reason: "unreachable" }]);
    await federation.query(
      `alter server t1_server options (set dbname ${quoteLiteral(new URL(tenantUrl("t1")).pathname.slice(1))})`,
    );
    await expect.poll(() => executor.doubts(), { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => remoteConnections(federation), { timeout: 5_000 }).toBe(4);
    expect((await run(arms())).failures).toEqual([]);
  }));

test("a tenant whose table is locked, or gone, can be reached: only what reads the table lacks it", () =>
  withFleet(3, { tenantDeadlineMs: 2_000 }, async ({ executor, run, arms, names, tenantUrl }) => {
    const others = tenRowsOf(["t0", "t2"]);
    const nothing = [{ tenant: "t1", sql: "select 7, 't1'::text as tenant" }];
    await withSql(tenantUrl("t1"), async (tenant) => {
      await tenant.query("begin; lock table entities in access exclusive mode");
      await executor.follow({ probes: probesOf(names), sessions: 100 });
      const { rows, failures } = await run(arms());
      expect([countBy(rows, 1), failures.map(({ tenant: name, reason }) => [name, reason])]).toEqual([
        others,
        [["t1", "timeout"]],
      ]);
      expect(executor.doubts()).toEqual([]);
      expect((await run(nothing)).rows).toEqual([["7", "t1"]]);
      await tenant.query("drop table entities; commit");
    });
    for (let time = 0; time < 2; time += 1) expect((await run(arms())).failures).toMatchObject([{ tenant: "t1" }]);
    expect(executor.doubts()).toEqual([]);
    expect((await run(nothing)).rows).toEqual([["7", "t1"]]);
  }));

test("a statement that takes long holds up nobody who can use another group, however busy that one seems", () =>
  withFleet(6, { laneGroups: 2, tenantDeadlineMs: 15_000 }, async ({ executor, run, arms, names }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    const long = run(arms("id, pg_sleep(0.5)::text").slice(1, 2));
    await new Promise((resolve) => setTimeout(resolve, 400));
    // One after the other, as fast as they are answered: the clean-up of the last is then always under way.
    const times: number[] = [];
    for (let round = 0; round < 25; round += 1) {
      const startedMs = performance.now();
      expect(countBy((await run(arms())).rows, 1)).toEqual(tenRowsOf(names));
      times.push(performance.now() - startedMs);
    }
    expect((await long).rows).toHaveLength(10);
    // Ten rows of half a second: whoever had waited for them would have waited for most of five seconds.
    expect(Math.max(...times)).toBeLessThan(3_000);
  }));

test("a lane that gave a statement up is the next one's, though tenants of it are still being asked", () =>
  withFleet(12, { laneGroups: 1, lanes: 4, tenantDeadlineMs: 2_000 }, async ({ executor, run, arms, names }) => {
    await executor.follow({ probes: probesOf(names), sessions: 100 });
    const slow = run(arms("id, pg_sleep(60)::text"), { caller: "slow", deadlineMs: 12_000 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { rows, failures } = await run(arms(), { caller: "other", deadlineMs: 6_000 });
    expect([countBy(rows, 1), failures]).toEqual([tenRowsOf(names), []]);
    expect((await slow).failures).toHaveLength(12);
    expect(executor.doubts()).toEqual([]);
  }));
