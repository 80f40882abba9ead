import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import { type FleetApp, type FleetAppOptions, type Row, withFleet } from "../support/app.ts";
import { createFaultyLink, type FaultyLink } from "../support/faults/faulty-link.ts";

// `format=ndjson` as a client meets it: over HTTP, beside the tenants' own rows and the same query in one piece.

const NAMES = ["a", "b", "c"] as const;
const MANY = 20_000;
const DDL = `CREATE TABLE many AS SELECT n, repeat(n::text, 10) AS words FROM generate_series(1, ${MANY}) AS n;
  CREATE TABLE one (id int); INSERT INTO one VALUES (1);
  CREATE TABLE vast AS SELECT n, repeat('x', 200) AS words FROM generate_series(1, 100000) AS n;`;
const SMALL = { limits: { rows: 60, responseBytes: "64KiB", deadline: "20s", tenantDeadline: "1s" } } as const;
const ALL = { coverage: { expected: 3, answered: 3, failed: [], truncated: false } };
const QUERY = "SELECT n, words FROM $<tenant>_many";

function post(fleet: FleetApp, sql: string, body: object = {}, signal?: AbortSignal): Promise<Response> {
  const request = { method: "POST", body: JSON.stringify({ sql, format: "ndjson", ...body }) };
  return fetch(`${fleet.url}/v1/query`, { ...request, ...(signal && { signal }) });
}

interface Streamed {
  readonly rows: readonly Row[];
  readonly last: Row;
  readonly headers: Headers;
}

async function stream(fleet: FleetApp, sql: string, body: object = {}): Promise<Streamed> {
  const response = await post(fleet, sql, body);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const parsed = text.split("\n").map((line): Row => (line === "" ? {} : JSON.parse(line)));
  expect(parsed.pop()).toEqual({});
  return { rows: parsed.slice(0, -1), last: parsed.at(-1) ?? {}, headers: response.headers };
}

const sorted = (rows: readonly Row[]): readonly string[] => rows.map((row) => JSON.stringify(row)).toSorted();

function rowsOf(tenants: readonly string[]): readonly string[] {
  const one = (tenant: string) =>
    Array.from({ length: MANY }, (_, at) => ({ n: at + 1, words: `${at + 1}`.repeat(10), tenant }));
  return sorted(tenants.flatMap(one));
}

/** A fleet whose tenant `b` is reached over a link that can go wrong. */
async function withLink(
  options: Pick<FleetAppOptions, "config">,
  work: (fleet: FleetApp, link: FaultyLink) => Promise<void>,
): Promise<void> {
  await withFleet(NAMES, { ddl: DDL, ...options, federation: { laneGroups: 1 } }, async (fleet) => {
    const url = fleet.tenants.find(({ name }) => name === "b")?.url ?? "";
    const link = await createFaultyLink(url);
    try {
      const { port } = new URL(link.through(url));
      await fleet.onFederation(`ALTER SERVER ${await serverOf(fleet, "b")} OPTIONS (SET port '${port}')`);
      await work(fleet, link);
    } finally {
      await link.close();
    }
  });
}

async function serverOf(fleet: FleetApp, tenant: string): Promise<string> {
  const [row] = await fleet.onFederation(
    `SELECT quote_ident(srvname) AS name FROM pg_foreign_server WHERE 'application_name=tenantry/${tenant}' = ANY (srvoptions)`,
  );
  return String(row?.name);
}

describe("an answer of many rows", () => {
  test("has all of them, far beyond the limits of other formats, each tenant's together", async () => {
    await withFleet(NAMES, { ddl: DDL, config: SMALL }, async (fleet) => {
      const { rows, last, headers } = await stream(fleet, QUERY);
      expect(headers.get("content-type")).toMatch(/^application\/x-ndjson/);
      expect(headers.get("x-tenants-expected")).toBe("3");
      expect(last).toEqual(ALL);
      expect(sorted(rows)).toEqual(rowsOf(NAMES));
      const runs = rows.map(({ tenant }) => tenant).filter((tenant, index, all) => tenant !== all[index - 1]);
      expect(runs.toSorted()).toEqual(NAMES);
    });
  });

  test("is cut at limits.streamBytes with a coverage that says so, or refused", async () => {
    const limits = { ...SMALL.limits, streamBytes: "1MiB" };
    await withFleet(NAMES, { ddl: DDL, config: { limits } }, async (fleet) => {
      const { rows, last } = await stream(fleet, QUERY);
      expect(rows.length).toBeGreaterThan(5_000);
      expect(rows.length).toBeLessThan(30_000);
      expect(last).toMatchObject({ coverage: { expected: 3, answered: 3, truncated: true } });
      for (const counting of [{ partial: "fail" }, { partial: "50%" }, { require: [NAMES[0]] }]) {
        const refused = await post(fleet, QUERY, counting);
        expect(refused.status).toBe(422);
        expect(await refused.json()).toMatchObject({
          error: "RESULT_TOO_LARGE",
          message: "the answer is larger than 1MiB (limits.streamBytes), or than what limits.spoolBytes has left",
        });
      }
      expect((await stream(fleet, "SELECT id FROM $<tenant>_one")).last).toEqual(ALL);
    });
    await withFleet(NAMES, { ddl: DDL, config: { limits: { ...limits, onLimit: "refuse" } } }, async (fleet) => {
      await expect(post(fleet, QUERY).then((answer) => answer.text())).rejects.toThrow();
    });
  });

  test("that needs all rows first is made in one piece, within the other formats' limits", async () => {
    await withFleet(NAMES, { ddl: DDL, config: SMALL }, async (fleet) => {
      const ordered = await stream(fleet, `${QUERY} ORDER BY n`);
      expect(ordered.rows).toHaveLength(60);
      expect(ordered.last).toMatchObject({ coverage: { truncated: true } });
      const outside = await stream(fleet, "SELECT sum(n) AS n FROM (SELECT n FROM $<tenant>_many) AS all_of_them");
      expect(outside.rows).toEqual([{ n: (3 * MANY * (MANY + 1)) / 2 }]);
    });
  });
});

test("values are those of the answer in one piece, whatever their type", async () => {
  const ddl = `CREATE TYPE mood AS ENUM ('glad', 'so "so"');
    CREATE TABLE kinds (i2 int2, i8 int8, n numeric, f4 float4, f8 float8, ts timestamp, "time" timestamptz, d date, t time, iv interval, b bool, j json, jb jsonb,
      tx text, by bytea, u uuid, m mood, ia int[], ta text[], o oid);
    INSERT INTO kinds VALUES
      (1, 9223372036854775807, 12345678901234567890.123456789, 1.5, 'NaN', '2026-01-01 00:00:00.123456', '2026-01-01 00:00:00+00', '2026-01-01', '10:00', '1 day', true,
       E'{"a":\\n1}', '{"b": [1, null]}', E'tab\\there "quoted" \\\\ é \\u0001', '\\xdead', '00000000-0000-0000-0000-000000000001', 'so "so"', '{1,NULL}', '{a,"b\\"c"}', 4294967295),
      (NULL, -1, 'Infinity', '-Infinity', 1e300, 'infinity', '-infinity', '0044-03-15 BC', '24:00', '-1 year', false, '[]', 'null', '', '', NULL, NULL, '{}', '{{a,b},{c,d}}', 0),
      (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);`;
  await withFleet(["a", "b"], { ddl }, async (fleet) => {
    for (const sql of [
      "SELECT * FROM $<tenant>_kinds",
      "SELECT $__timeGroup(ts, '1m') AS bucket, $__timeGroup(ts, '1m') AS time, count(*) AS n FROM $<tenant>_kinds WHERE ts < 'infinity' GROUP BY 1, 2",
      "SELECT n, n, n AS n_1 FROM $<tenant>_kinds",
      'SELECT extract(epoch FROM "time")::int8 AS time FROM $<tenant>_kinds WHERE b',
    ]) {
      const whole = (await fleet.ask(sql, { format: "ndjson" })).text.trimEnd().split("\n");
      const streamed = (await (await post(fleet, sql)).text()).trimEnd().split("\n");
      expect(streamed.toSorted(), sql).toEqual(whole.toSorted());
      expect(streamed.at(-1)).toBe(whole.at(-1));
    }
  });
});

describe("a tenant that fails", () => {
  test("in the middle of its rows is named, and none of them is in the answer", async () => {
    await withLink({ config: SMALL }, async (fleet, link) => {
      expect((await stream(fleet, QUERY)).last).toEqual(ALL);
      link.become({ kind: "drop", afterBytes: 200_000 });
      const { rows, last } = await stream(fleet, QUERY);
      expect(last).toMatchObject({
        coverage: { expected: 3, answered: 2, failed: [{ tenant: "b", reason: "unreachable" }], truncated: false },
      });
      expect(sorted(rows)).toEqual(rowsOf(["a", "c"]));
      link.become({ kind: "pass" });
      await expect.poll(async () => (await stream(fleet, QUERY)).last, { timeout: 10_000, interval: 200 }).toEqual(ALL);
    });
  });

  test("by falling silent in the middle is given up after its deadline, and not asked by the next query", async () => {
    await withLink({ config: SMALL }, async (fleet, link) => {
      expect((await stream(fleet, QUERY)).last).toEqual(ALL);
      link.become({ kind: "hang", afterBytes: 200_000 });
      for (let turn = 0; turn < 2; turn += 1) {
        const { rows, last } = await stream(fleet, QUERY);
        expect(last).toMatchObject({ coverage: { answered: 2, failed: [{ tenant: "b", reason: "timeout" }] } });
        expect(sorted(rows)).toEqual(rowsOf(["a", "c"]));
      }
      link.become({ kind: "pass" });
      await expect.poll(async () => (await stream(fleet, QUERY)).last, { timeout: 15_000, interval: 200 }).toEqual(ALL);
    });
  });

  test("is an error's business when the request wants all, with nothing sent before", async () => {
    await withFleet(NAMES, { ddl: DDL, config: SMALL }, async (fleet) => {
      await fleet.onTenant("b", "DROP TABLE many");
      const { rows, last } = await stream(fleet, QUERY);
      expect(last).toMatchObject({ coverage: { answered: 2, failed: [{ tenant: "b", reason: "relation_missing" }] } });
      expect(sorted(rows)).toEqual(rowsOf(["a", "c"]));
      for (const partial of ["fail", "90%"]) {
        const response = await post(fleet, QUERY, { partial });
        expect(response.status).toBe(502);
        expect(await response.json()).toMatchObject({ error: "TENANT_FAILED" });
      }
      expect((await post(fleet, QUERY, { partial: "60%" })).status).toBe(200);
      await fleet.onTenant("a", "DROP TABLE many");
      await fleet.onTenant("c", "DROP TABLE many");
      expect((await post(fleet, QUERY)).status).toBe(502);
    });
  });
});

test("a federation database that falls silent is told as such, and no tenant is blamed", async () => {
  const link = await createFaultyLink(inject("postgresUrl"));
  try {
    const options = { ddl: DDL, config: SMALL, federationUrlOf: link.through, federation: { connectTimeout: "1s" } };
    await withFleet(NAMES, options, async (fleet) => {
      expect((await stream(fleet, QUERY)).last).toEqual(ALL);
      link.become({ kind: "silent" });
      expect([503, 504]).toContain((await post(fleet, QUERY)).status);
      link.become({ kind: "pass" });
      const tenants = await (await fetch(`${fleet.url}/v1/tenants`)).json();
      expect(tenants).toMatchObject(NAMES.map((tenant) => ({ tenant, health: "closed" })));
      await expect.poll(async () => (await post(fleet, QUERY)).status, { timeout: 10_000 }).toBe(200);
      expect((await stream(fleet, QUERY)).last).toEqual(ALL);
    });
  } finally {
    await link.close();
  }
});

test("many streams at once wait for a tenant that is silent once, not each for itself", async () => {
  await withLink({ config: SMALL }, async (fleet, link) => {
    expect((await stream(fleet, QUERY)).last).toEqual(ALL);
    link.become({ kind: "silent" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => stream(fleet, "SELECT id FROM $<tenant>_one")));
    for (const { last, rows } of answers) {
      expect(rows).toHaveLength(2);
      expect(last).toMatchObject({ coverage: { answered: 2, failed: [{ tenant: "b", reason: "timeout" }] } });
    }
    // Nobody was told that there was no time left to ask.
    expect(JSON.stringify(answers.map(({ last }) => last))).not.toContain("ran out");
  });
});

test("a query that PostgreSQL refuses is an error before the first row", async () => {
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    const refused = await post(fleet, "SELECT 1 / (id - id) AS n FROM $<tenant>_one");
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ error: "QUERY_FAILED", message: "division by zero" });
    expect((await post(fleet, "SELECT nothing FROM $<tenant>_one")).status).toBe(422);
    expect((await post(fleet, "SELECT id FROM $<tenant:plan=none>_one", { partial: "fail" })).status).toBe(404);
    expect((await stream(fleet, "SELECT id FROM $<tenant:plan=none>_one")).last).toEqual({
      coverage: { expected: 0, answered: 0, failed: [], truncated: false },
    });
  });
});

/** Statements of ours that run on the server of all databases. */
async function running(fleet: FleetApp): Promise<readonly Row[]> {
  return fleet.onFederation(
    "SELECT application_name, query FROM pg_stat_activity WHERE application_name LIKE 'tenantry%' AND state <> 'idle' AND pid <> pg_backend_pid()",
  );
}

describe("a client", () => {
  const VAST = "SELECT n, words FROM $<tenant>_vast";

  test("that does not read holds up no lane: its rows wait on disk", async () => {
    await withFleet(NAMES, { ddl: DDL, config: SMALL, federation: { laneGroups: 1 } }, async (fleet) => {
      const slow = await post(fleet, VAST);
      await expect.poll(() => running(fleet), { timeout: 10_000 }).toEqual([]);
      expect((await stream(fleet, "SELECT id FROM $<tenant>_one")).last).toEqual(ALL);
      const lines = (await slow.text()).trimEnd().split("\n");
      expect(lines).toHaveLength(300_001);
      expect(JSON.parse(lines.at(-1) ?? "")).toEqual(ALL);
    });
  });

  test("that leaves stops the query, and the lanes go on with their connections", async () => {
    await withFleet(NAMES, { ddl: DDL, federation: { laneGroups: 1 } }, async (fleet) => {
      expect((await stream(fleet, "SELECT id FROM $<tenant>_one")).last).toEqual(ALL);
      for (let turn = 0; turn < 8; turn += 1) {
        const client = new AbortController();
        const asked = post(fleet, VAST, {}, client.signal);
        await sleep(turn * 15);
        client.abort();
        await expect(asked.then((answer) => answer.text())).rejects.toThrow();
      }
      await expect.poll(() => running(fleet), { timeout: 10_000 }).toEqual([]);
      const { rows, last } = await stream(fleet, QUERY);
      expect(last).toEqual(ALL);
      expect(sorted(rows)).toEqual(rowsOf(NAMES));
    });
  });

  test("that accepts gzip gets it, and can ask with HEAD", async () => {
    await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
      const { headers, rows } = await stream(fleet, QUERY);
      expect(headers.get("content-encoding")).toBe("gzip");
      expect(rows).toHaveLength(3 * MANY);
      const head = await fetch(`${fleet.url}/v1/query?format=ndjson&sql=${encodeURIComponent(QUERY)}`, {
        method: "HEAD",
      });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      await expect.poll(() => running(fleet), { timeout: 10_000 }).toEqual([]);
    });
  });
});
