import { describe, expect, inject, test } from "vitest";
import { quoteIdentifier, quoteLiteral } from "../../src/postgres/quote.ts";
import { type FleetApp, type FleetAppOptions, withFleet } from "../support/app.ts";
import { createFaultyLink } from "../support/faults/faulty-link.ts";
import { type TestTenant, withSql } from "../support/postgres.ts";

// What breaks while it serves: the tenants that still answer are answered for, the others are named, and nobody waits for them.

const NAMES = ["a", "b", "c"] as const;
const DDL = "CREATE TABLE items (id int, divisor int); INSERT INTO items VALUES (1, 1), (2, 2);";
const SQL = "SELECT sum(10 / divisor)::int AS s FROM $<tenant>_items";
const QUICK = { limits: { deadline: "8s", tenantDeadline: "1s" } } as const;

const row = (tenant: string) => ({ s: 15, tenant });
const namesOf = (rows: readonly Readonly<Record<string, unknown>>[]) => rows.map(({ tenant }) => tenant).sort();

function post(fleet: FleetApp, body: object): Promise<Response> {
  return fetch(`${fleet.url}/v1/query`, { method: "POST", body: JSON.stringify({ sql: SQL, ...body }) });
}

/** Runs `work` while the database of `url` is not there: its sessions ended, its name gone. */
async function whileGone(url: string, work: () => Promise<void>): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const [here, away] = [quoteIdentifier(name), quoteIdentifier(`${name}_gone`)];
  await withSql(inject("postgresUrl"), async (sql) => {
    await sql.query(`ALTER DATABASE ${here} ALLOW_CONNECTIONS false`);
    // Ending a session is a signal: it is gone a moment later.
    await expect
      .poll(() =>
        sql.query(
          `SELECT count(pg_terminate_backend(pid))::int AS n FROM pg_stat_activity WHERE datname = ${quoteLiteral(name)}`,
        ),
      )
      .toEqual([{ n: 0 }]);
    await sql.query(`ALTER DATABASE ${here} RENAME TO ${away}`);
    try {
      await work();
    } finally {
      await sql.query(`ALTER DATABASE ${away} RENAME TO ${here}`);
      await sql.query(`ALTER DATABASE ${here} ALLOW_CONNECTIONS true`);
    }
  });
}

function urlOf(fleet: FleetApp, name: string): string {
  return fleet.tenants.find((tenant) => tenant.name === name)?.url ?? "";
}

describe("a tenant's database that is gone", () => {
  test("is named, the others answer, and it comes back by itself", async () => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      expect((await fleet.ask(SQL)).rows).toHaveLength(3);
      await whileGone(urlOf(fleet, "b"), async () => {
        const { rows, answer, notices } = await fleet.ask(`${SQL} ORDER BY tenant`);
        expect(rows).toEqual([row("a"), row("c")]);
        expect(answer.coverage).toMatchObject({
          expected: 3,
          answered: 2,
          failed: [{ tenant: "b", reason: "unreachable" }],
        });
        expect(notices).toEqual(["b left out: the tenant's database cannot be reached, or refuses the login"]);

        const failed = await post(fleet, { partial: "fail" });
        expect(failed.status).toBe(502);
        expect(await failed.json()).toMatchObject({
          error: "TENANT_FAILED",
          message: expect.stringMatching(/1 of 3 .*\bb\b/),
        });
        expect((await post(fleet, { partial: "90%" })).status).toBe(502);
        const required = await post(fleet, { require: ["a", "b"] });
        expect(required.status).toBe(502);
        expect(await required.json()).toMatchObject({
          error: "TENANT_FAILED",
          message: expect.stringMatching(/^required tenants failed: b \(/),
        });
        expect((await post(fleet, { require: ["a", "c"] })).status).toBe(200);
        expect((await post(fleet, { require: ["a"], tenants: ["c"] })).status).toBe(404);
        expect((await post(fleet, { require: ["nobody"] })).status).toBe(404);
        const enough = await post(fleet, { partial: "66%" });
        expect([enough.status, enough.headers.get("x-tenants-failed")]).toEqual([200, "1"]);
      });
      await expect.poll(async () => namesOf((await fleet.ask(SQL)).rows), { timeout: 10_000 }).toEqual([...NAMES]);
    });
  });

  test("counts in a fleet's sum as missing, never as zero", async () => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      await whileGone(urlOf(fleet, "c"), async () => {
        const { rows, notices } = await fleet.ask(`SELECT sum(s)::int AS s, count(*) AS n FROM (${SQL}) t`);
        expect(rows).toEqual([{ s: 30, n: 2 }]);
        expect(notices.join()).toContain("c left out");
      });
    });
  });

  test("nobody answers when all are gone", async () => {
    await withFleet(["a"], { ddl: DDL }, async (fleet) => {
      await whileGone(urlOf(fleet, "a"), async () => {
        expect((await fleet.refusal(SQL)).code).toBe("TENANT_FAILED");
        expect((await fleet.refusal(`SELECT count(*) FROM (${SQL}) t`)).code).toBe("TENANT_FAILED");
      });
    });
  });
});

describe("a tenant that refuses", () => {
  const cases = [
    ["a relation that was dropped", "DROP TABLE items", "relation_missing"],
    ["a column that was dropped", "ALTER TABLE items DROP COLUMN divisor", "column_missing"],
    ["data that the query cannot bear", "INSERT INTO items VALUES (3, 0)", "query_failed"],
  ] as const;

  test.each(cases)("%s", async (_, change, reason) => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      expect((await fleet.ask(SQL)).rows).toHaveLength(3);
      await fleet.onTenant("c", change);
      for (let round = 0; round < 2; round += 1) {
        const { rows, answer } = await fleet.ask(SQL);
        expect(namesOf(rows)).toEqual(["a", "b"]);
        expect(answer.coverage.failed.map((failure) => [failure.tenant, failure.reason])).toEqual([["c", reason]]);
        expect(JSON.stringify(answer.coverage)).not.toMatch(/SELECT|127\.0\.0\.1|test_/);
      }
    });
  });
});

describe("a tenant that accepts and never answers", () => {
  async function withSilent(
    work: (fleet: FleetApp, freeze: () => void, thaw: () => void) => Promise<void>,
  ): Promise<void> {
    const link = await createFaultyLink(inject("postgresUrl"));
    const options: FleetAppOptions = {
      ddl: DDL,
      config: QUICK,
      urlOf: ({ name, url }: TestTenant) => (name === "b" ? link.through(url) : url),
    };
    try {
      await withFleet(NAMES, options, async (fleet) => {
        try {
          await work(
            fleet,
            () => link.become({ kind: "silent" }),
            () => link.become({ kind: "pass" }),
          );
        } finally {
          link.become({ kind: "pass" });
        }
      });
    } finally {
      await link.close();
    }
  }

  async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
    const started = performance.now();
    const value = await work();
    return { value, ms: performance.now() - started };
  }

  test.each([["on a connection that is there"], ["at connecting"]])("%s", async (when) => {
    await withSilent(async (fleet, freeze, thaw) => {
      if (when.startsWith("on")) expect((await fleet.ask(SQL)).rows).toHaveLength(3);
      freeze();
      const first = await timed(() => fleet.ask(SQL));
      expect(namesOf(first.value.rows)).toEqual(["a", "c"]);
      expect(first.value.answer.coverage.failed).toMatchObject([{ tenant: "b", reason: "timeout" }]);
      // The lane's deadline, then the deadline of the tenants that are asked one by one.
      expect(first.ms).toBeLessThan(4_000);
      const second = await timed(() => fleet.ask(SQL));
      expect(namesOf(second.value.rows)).toEqual(["a", "c"]);
      expect(second.value.answer.coverage.failed).toMatchObject([{ tenant: "b", reason: "timeout" }]);
      expect(second.ms).toBeLessThan(1_000);
      thaw();
      await expect
        .poll(async () => namesOf((await fleet.ask(SQL)).rows), { timeout: 30_000, interval: 500 })
        .toEqual([...NAMES]);
    });
  });
});

describe("the federation database", () => {
  test("ends its sessions: the next question is answered", async () => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      await fleet.ask(SQL);
      await fleet.onFederation(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
      expect(namesOf((await fleet.ask(SQL)).rows)).toEqual([...NAMES]);
      expect((await fetch(`${fleet.url}/readyz`)).status).toBe(200);
    });
  });

  test("is gone: 503 until it is back, and /readyz says so", async () => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      await fleet.ask(SQL);
      await whileGone(fleet.federationUrl, async () => {
        const answer = await post(fleet, {});
        expect(answer.status).toBe(503);
        expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(await answer.json()).toMatchObject({ error: "FEDERATION_UNAVAILABLE" });
        const ready = await fetch(`${fleet.url}/readyz`);
        expect(ready.status).toBe(503);
        expect(await ready.json()).toMatchObject({ error: "FEDERATION_UNAVAILABLE" });
        expect((await fetch(`${fleet.url}/healthz`)).status).toBe(200);
      });
      await expect.poll(async () => (await post(fleet, {})).status, { timeout: 10_000 }).toBe(200);
      expect((await fetch(`${fleet.url}/readyz`)).status).toBe(200);
    });
  });
});

describe("the fleet changes", () => {
  test("a tenant without tables is expected and named, and answers after it was onboarded", async () => {
    await withFleet(NAMES, { ddl: { a: DDL, b: DDL }, tenants: { refresh: "1s" } }, async (fleet) => {
      const before = await fleet.ask(SQL);
      expect(before.answer.coverage).toMatchObject({ expected: 3, failed: [{ tenant: "c", reason: "not_onboarded" }] });
      await fleet.onTenant("c", DDL);
      await fleet.onboard();
      await expect.poll(async () => namesOf((await fleet.ask(SQL)).rows), { timeout: 10_000 }).toEqual([...NAMES]);
    });
  });

  test("a foreign table that is dropped while it serves leaves its tenant out, also before the next refresh", async () => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      await fleet.ask(SQL);
      await fleet.onFederation('DROP FOREIGN TABLE "c_items"');
      const { rows, answer } = await fleet.ask(SQL);
      expect(namesOf(rows)).toEqual(["a", "b"]);
      expect(answer.coverage.failed).toMatchObject([{ tenant: "c", reason: "relation_missing" }]);
    });
  });
});
