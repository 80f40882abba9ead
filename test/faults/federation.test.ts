import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, test, vi } from "vitest";
import { withFleet } from "../support/app.ts";
import {
  expectAnswer,
  type FaultyFleet,
  HEALTHY,
  QUESTION,
  runningIn,
  TENANTS,
  withFaultyFleet,
} from "../support/faults/faulty-fleet.ts";
import { createFaultyLink, type FaultyLink, type LinkMode } from "../support/faults/faulty-link.ts";
import { withSql } from "../support/postgres.ts";

// What happens to the federation database, to the callers, and to the process itself.

const DDL =
  "CREATE TABLE items (id int, divisor int); INSERT INTO items SELECT n, 1 + n % 3 FROM generate_series(1, 50) n;";

/** A fleet whose federation database is behind a link. */
async function withFederationLink(
  work: (fleet: { readonly url: string; readonly ask: () => Promise<Response> }, link: FaultyLink) => Promise<void>,
): Promise<void> {
  const link = await createFaultyLink(inject("postgresUrl"));
  try {
    await withFleet(
      ["a", "b", "c"],
      {
        ddl: DDL,
        config: { cache: { ttl: "0s" }, limits: { deadline: "4s", tenantDeadline: "1s" } },
        federationUrlOf: link.through,
      },
      async ({ url }) => {
        const ask = () => fetch(`${url}/v1/query`, { method: "POST", body: JSON.stringify({ sql: QUESTION }) });
        try {
          expect((await ask()).status).toBe(200);
          await work({ url, ask }, link);
        } finally {
          link.become({ kind: "pass" });
        }
      },
    );
  } finally {
    await link.close();
  }
}

const AWAY: readonly (readonly [string, LinkMode, readonly number[]])[] = [
  ["gone", { kind: "refuse" }, [503]],
  ["paused", { kind: "silent" }, [503, 504]],
  ["answers half", { kind: "drop", afterBytes: 60 }, [503]],
  ["stops within an answer", { kind: "hang", afterBytes: 60 }, [503, 504]],
];

describe("the federation database", () => {
  test.each(AWAY)(
    "%s: callers are told within their deadline, and it recovers within five seconds",
    (_, mode, statuses) =>
      withFederationLink(async ({ url, ask }, link) => {
        link.become(mode);
        for (let round = 0; round < 2; round += 1) {
          const answers = await Promise.all(Array.from({ length: 5 }, ask));
          for (const answer of answers) {
            expect(statuses).toContain(answer.status);
            expect(await answer.json()).toMatchObject({ error: expect.any(String), message: expect.any(String) });
          }
        }
        expect((await fetch(`${url}/readyz`)).status).toBe(503);
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
        link.become({ kind: "pass" });
        await expect.poll(async () => (await ask()).status, { timeout: 5_000, interval: 200 }).toBe(200);
        expect(await (await ask()).json()).toHaveLength(3);
        await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 5_000 }).toBe(200);
      }),
  );

  test("ends every session again and again while it is asked: each answer is whole or an error that says when to ask again", () =>
    withFaultyFleet(
      async (fleet) => {
        const database = decodeURIComponent(new URL(fleet.federationUrl).pathname.slice(1));
        let stop = false;
        const asking = Promise.all(
          Array.from({ length: 4 }, async () => {
            const seen: number[] = [];
            while (!stop) seen.push(await askOnce(fleet));
            return seen;
          }),
        );
        for (let round = 0; round < 6; round += 1) {
          await withSql(inject("postgresUrl"), (sql) =>
            sql.query(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'tenantry'",
              [database],
            ),
          );
          await sleep(250);
        }
        stop = true;
        const statuses = (await asking).flat();
        expect(statuses).toContain(200);
        expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
        await expectAnswer(fleet, HEALTHY);
      },
      { config: { cache: { ttl: "0s" } } },
    ));
});

/** The status of one answer, whose rows are whole when it is 200. */
async function askOnce(fleet: FaultyFleet): Promise<number> {
  const body = JSON.stringify({ sql: `${QUESTION} ORDER BY tenant` });
  const answer = await fetch(`${fleet.url}/v1/query`, { method: "POST", body });
  const rows: unknown = await answer.json();
  if (answer.status === 200) expect(rows).toEqual(fleet.expected);
  else if (answer.status === 503) expect(answer.headers.get("retry-after")).not.toBeNull();
  return answer.status;
}

describe("callers", () => {
  test("five hundred who ask the same are answered by few runs, and five hundred who ask each something else are answered or told to come again", () =>
    withFaultyFleet(async (fleet) => {
      const post = (sql: string) => fetch(`${fleet.url}/v1/query`, { method: "POST", body: JSON.stringify({ sql }) });
      const same = await Promise.all(Array.from({ length: 500 }, () => post(QUESTION)));
      expect(new Set(same.map(({ status }) => status))).toEqual(new Set([200]));
      const made = same.map(({ headers }) => headers.get("x-cache")).filter((cache) => cache === "miss");
      expect(made.length).toBeLessThanOrEqual(2);
      const others = await Promise.all(
        Array.from({ length: 500 }, async (_, index) => {
          const answer = await post(`SELECT ${index} AS i, count(*)::int AS n FROM $<tenant>_items ORDER BY tenant`);
          const body: unknown = await answer.json();
          return { index, status: answer.status, body, retry: answer.headers.get("retry-after") };
        }),
      );
      for (const { index, status, body, retry } of others) {
        if (status === 200) expect(body).toEqual(TENANTS.map((tenant) => ({ i: index, n: 50, tenant })));
        else expect([status, retry === null]).toEqual([503, false]);
      }
      expect(others.filter(({ status }) => status === 200).length).toBeGreaterThan(32);
      await expectAnswer(fleet, HEALTHY);
    }));

  test("a storm of callers who go away leaves nothing running, on any server", () =>
    withFaultyFleet(
      async (fleet) => {
        const sql = "SELECT count(*) AS n, pg_sleep(0.4)::text AS s FROM $<tenant>_items";
        const settings = { signal: AbortSignal.timeout(150) };
        const gone = await Promise.allSettled(
          Array.from({ length: 100 }, (_, index) =>
            fetch(`${fleet.url}/v1/query`, {
              method: "POST",
              body: JSON.stringify({ sql: `${sql} WHERE id > ${index - 1_000}` }),
              signal: index % 2 === 0 ? settings.signal : AbortSignal.timeout(20 + index * 3),
            }),
          ),
        );
        expect(gone.filter(({ status }) => status === "rejected").length).toBeGreaterThan(90);
        await expect.poll(() => runningIn(fleet), { timeout: 5_000, interval: 100 }).toEqual([]);
        await expectAnswer(fleet, HEALTHY);
      },
      { config: { guard: { allowFunctions: ["pg_sleep"] }, limits: { deadline: "8s", tenantDeadline: "4s" } } },
    ));
});

describe("the process", () => {
  test("whose event loop is blocked for two seconds answers rightly afterwards, and blames no tenant", () =>
    withFaultyFleet(
      async (fleet) => {
        const asking = Promise.all(Array.from({ length: 4 }, () => expectAnswer(fleet, HEALTHY)));
        await sleep(5);
        for (const untilMs = performance.now() + 2_000; performance.now() < untilMs; );
        await asking.catch(() => undefined);
        await expect
          .poll(async () => (await fleet.ask(QUESTION)).rows.length, { timeout: 20_000 })
          .toBe(TENANTS.length);
        await expectAnswer(fleet, HEALTHY);
      },
      { config: { limits: { deadline: "8s", tenantDeadline: "3s" } } },
    ));

  test.each([3_600_000, -3_600_000])("whose clock jumps by %d ms goes on answering", (jumpMs) =>
    withFaultyFleet(async (fleet) => {
      const realNow = Date.now;
      const clock = vi.spyOn(Date, "now");
      try {
        const asking = Promise.allSettled(Array.from({ length: 4 }, () => fleet.ask(QUESTION)));
        clock.mockImplementation(() => realNow() + jumpMs);
        for (const outcome of await asking)
          expect(outcome).toMatchObject({ status: "fulfilled", value: { rows: { length: TENANTS.length } } });
        await expectAnswer(fleet, HEALTHY);
      } finally {
        clock.mockRestore();
      }
      await expectAnswer(fleet, HEALTHY);
    }),
  );

  test("gets ten million rows from a tenant, and cuts them with a word", () =>
    withFaultyFleet(
      async (fleet) => {
        await fleet.onTenant(
          "t1",
          "ALTER TABLE items RENAME TO gone; CREATE VIEW items AS SELECT n::int AS id, 1 AS divisor FROM generate_series(1, 10000000) n",
        );
        const { answer, notices } = await fleet.ask("SELECT id, divisor FROM $<tenant>_items");
        expect(answer.coverage).toMatchObject({ expected: 5, answered: 5, failed: [], truncated: true });
        expect(notices.join()).toContain("cut at 1000 rows");
        await expect.poll(() => runningIn(fleet), { timeout: 10_000 }).toEqual([]);
        await fleet.onTenant("t1", "DROP VIEW items; ALTER TABLE gone RENAME TO items");
        await expectAnswer(fleet, HEALTHY);
      },
      { config: { limits: { deadline: "8s", tenantDeadline: "4s", rows: 1_000 } } },
    ));
});
