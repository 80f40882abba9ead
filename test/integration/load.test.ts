import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetApp, openFleet, withFleet } from "../support/app.ts";

// Several who ask at once, some of them slowly or in a hurry: none of them is served worse for the others.

const NAMES = ["a", "b", "c"] as const;
const DDL = `CREATE TABLE items (id int); INSERT INTO items VALUES (1);
  CREATE VIEW slow AS SELECT pg_sleep(1.5)::text AS slept, 1 AS id; CREATE VIEW longer AS SELECT pg_sleep(8)::text AS slept, 1 AS id;`;
const QUICK = "SELECT count(*)::int AS n FROM $<tenant>_items";
const SLOW = "SELECT slept, id FROM $<tenant>_slow";

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(NAMES, { ddl: DDL, config: { limits: { concurrency: 1, queue: 1 } } });
});

afterAll(async () => {
  await fleet?.close();
});

function post(path: string, body: object): Promise<Response> {
  return fetch(`${fleet.url}${path}`, { method: "POST", body: JSON.stringify(body) });
}

/** Runs `work` while a slow query has the only turn. */
async function whileBusy(sql: string, work: () => Promise<void>): Promise<void> {
  const slow = fleet.ask(sql);
  await expect
    .poll(async () => {
      const active = "application_name = 'tenantry' AND state = 'active' AND query LIKE '%slow%'";
      return (await fleet.onFederation(`SELECT 1 FROM pg_stat_activity WHERE ${active}`)).length;
    })
    .toBeGreaterThan(0);
  await work();
  expect((await slow).rows).toHaveLength(3);
}

describe("limits.concurrency and limits.queue", () => {
  test("answers that are cached need no turn; others wait for theirs, and beyond the queue they are refused at once", async () => {
    expect((await post("/v1/query", { sql: QUICK })).headers.get("x-cache")).toBe("miss");
    await whileBusy(SLOW, async () => {
      const cached = await post("/v1/query", { sql: QUICK });
      expect([cached.status, cached.headers.get("x-cache")]).toEqual([200, "hit"]);
      const waiting = post("/v1/query", { sql: `${QUICK} WHERE id > 0` });
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const path of ["/v1/query", "/v1/explain"]) {
        const refused = await post(path, { sql: `${QUICK} WHERE id > 1` });
        expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
        expect(await refused.json()).toMatchObject({ error: "OVERLOADED" });
      }
      expect((await post("/v1/query", { sql: QUICK })).headers.get("x-cache")).toBe("hit");
      expect((await waiting).status).toBe(200);
    });
  });

  test("whoever waits longer than the deadline is told so", async () => {
    await whileBusy(`${SLOW} WHERE id = 1`, async () => {
      const started = performance.now();
      expect((await fleet.refusal(`${QUICK} WHERE id > 2`, { deadlineMs: 300 })).code).toBe("OVERLOADED");
      expect(performance.now() - started).toBeLessThan(800);
    });
    expect((await fleet.ask(`${QUICK} WHERE id > 2`)).rows).toHaveLength(3);
  });

  test("a client that leaves gives up its place, in explain too", async () => {
    await whileBusy(`${SLOW} WHERE id = 2 OR true`, async () => {
      const leaving = new AbortController();
      const body = JSON.stringify({ sql: `${QUICK} WHERE id > 3` });
      const left = fetch(`${fleet.url}/v1/explain`, { method: "POST", body, signal: leaving.signal }).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await post("/v1/explain", { sql: QUICK })).status).toBe(503);
      leaving.abort();
      await left;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await post("/v1/explain", { sql: QUICK })).status).toBe(200);
    });
  });
});

describe("deadlines of those who ask the same", () => {
  test("one in a hurry takes nothing from one with time, and leaves no tenant in doubt", async () => {
    const sql = `${SLOW} WHERE id = 3 OR true`;
    const hurried = fleet.refusal(sql, { deadlineMs: 160 });
    const patient = fleet.ask(sql, { deadlineMs: 20_000 });
    expect(["TENANT_FAILED", "DEADLINE_EXCEEDED"]).toContain((await hurried).code);
    expect((await fleet.ask(`${QUICK} WHERE id > 4`)).answer.coverage.failed).toEqual([]);
    expect((await patient).rows).toHaveLength(3);
  });

  test("one in a hurry does not wait for a run that has time", async () => {
    const sql = `${SLOW} WHERE id = 4 OR true`;
    const patient = fleet.ask(sql, { deadlineMs: 20_000 });
    const started = performance.now();
    expect((await fleet.refusal(sql, { deadlineMs: 200 })).code).toBe("DEADLINE_EXCEEDED");
    expect(performance.now() - started).toBeLessThan(800);
    expect((await patient).rows).toHaveLength(3);
  });

  test("an answer that a short deadline cut is not served to one with more time", async () => {
    await withFleet(
      NAMES,
      { ddl: { a: DDL, b: DDL, c: DDL.replace("1.5", "0") }, federation: { lanes: 3 } },
      async ({ ask }) => {
        await ask(QUICK);
        const cut = await ask(SLOW, { deadlineMs: 1_000, cacheTtlMs: 60_000 });
        expect(cut.rows.map(({ tenant }) => tenant)).toEqual(["c"]);
        expect(cut.notices.join()).toContain("the request's own time ran out");
        const again = await ask(SLOW, { deadlineMs: 1_000, cacheTtlMs: 60_000 });
        expect(again.answer.cache).toBe("hit");
        const whole = await ask(SLOW, { deadlineMs: 20_000, cacheTtlMs: 60_000 });
        expect([whole.answer.cache, whole.rows.length]).toEqual(["miss", 3]);
      },
    );
  });
});

test("a named query may have a longer deadline than limits.deadline", async () => {
  const config = { limits: { deadline: "1s" }, queries: { slow: { sql: SLOW, deadline: "8s" } } } as const;
  await withFleet(NAMES, { ddl: DDL, config }, async ({ url }) => {
    const answer = await fetch(`${url}/v1/queries/slow`);
    expect([answer.status, answer.headers.get("x-tenants-answered")]).toEqual([200, "3"]);
  });
});

test("when one block of a query is refused the others stop, and hold up nobody", async () => {
  const sql = `SELECT a.tenant, a.n, b.slept FROM (SELECT tenant, 1 / (id - id) AS n FROM $<tenant>_items) AS a
    JOIN (SELECT tenant, slept FROM $<tenant>_longer) AS b ON a.tenant = b.tenant`;
  expect(await fleet.refusal(sql)).toMatchObject({ code: "QUERY_FAILED", message: "division by zero" });
  const active = "application_name = 'tenantry' AND state = 'active' AND query LIKE '%longer%'";
  const running = async () => (await fleet.onFederation(`SELECT query FROM pg_stat_activity WHERE ${active}`)).length;
  await expect.poll(running, { timeout: 2_000 }).toBe(0);
});

describe("exported queries", () => {
  const items = { sql: QUICK.replace("n FROM", "value FROM"), description: "Items", export: { name: "items" } };
  const connectionsTo = async (whole: FleetApp, tenant: string) => {
    const ofThisFleet = "datname = current_database() AND application_name LIKE 'tenantry/%'";
    return (await whole.onTenant(tenant, `SELECT 1 FROM pg_stat_activity WHERE ${ofThisFleet}`)).length;
  };

  test("have lanes of their own, connected before the first scrape, which wait for no panel", () =>
    withFleet(NAMES, { ddl: DDL, config: { queries: { items } } }, async (whole) => {
      await expect.poll(() => connectionsTo(whole, "a")).toBe(3);
      let panelsLeft = 2;
      const panels = [1, 2].map(async (n) => {
        await whole.ask(`SELECT slept, id + ${n} AS id FROM $<tenant>_longer`);
        panelsLeft -= 1;
      });
      const running = "application_name = 'tenantry' AND state = 'active' AND query LIKE '%longer%'";
      await expect
        .poll(async () => (await whole.onFederation(`SELECT 1 FROM pg_stat_activity WHERE ${running}`)).length)
        .toBe(2 * NAMES.length);
      const scraped = await (await fetch(`${whole.url}/metrics`)).text();
      expect(scraped).toContain('\nitems{tenant="b"} 1\n');
      expect(panelsLeft).toBe(2);
      await Promise.all(panels);
      expect(await connectionsTo(whole, "a")).toBe(3);
    }));

  test("that are not there have none", () =>
    withFleet(NAMES, { ddl: DDL }, async (whole) => {
      await expect.poll(() => connectionsTo(whole, "a")).toBe(2);
      expect((await whole.ask(QUICK)).rows).toHaveLength(NAMES.length);
      expect(await connectionsTo(whole, "a")).toBe(2);
    }));
});
