import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetApp, openFleet } from "../support/app.ts";

// Rule 9 of the language: what names and types mean is decided by the fleet's columns, never by one tenant's.

const COMMON = `CREATE TABLE outer_one (id int, extra int, note text);
  INSERT INTO outer_one VALUES (1, 10, 'x'), (2, 20, 'y');`;

const DDL = {
  a: `${COMMON}
    CREATE TABLE inner_one (id int, extra int); INSERT INTO inner_one VALUES (1, 10);
    CREATE TABLE other_one (id int, only_other int); INSERT INTO other_one VALUES (1, 5);
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN small AS int4 CHECK (value < 10);
    CREATE TABLE types (k int, p small, s text, v varchar(5), c char(4), n name, i int2, f float4, d date, l timestamp, z timestamptz, e mood,
      ai int4[], j json, b boolean, u uuid);
    INSERT INTO types VALUES (1, 5, 'long text that varchar(5) would cut', 'v', 'c', 'n', 1, 1.5, '2026-01-01', '2026-01-01 01:00', '2026-01-01 01:00Z',
      'happy', '{1,2}', '{"a": 1}', true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');`,
  b: `${COMMON}
    CREATE TABLE inner_one (id int); INSERT INTO inner_one VALUES (1);
    CREATE TABLE other_one (id int, only_inner int, extra int); INSERT INTO other_one VALUES (1, 6, 7);
    CREATE DOMAIN positive AS int8 CHECK (value > 0);
    CREATE TABLE types (k int, p positive, s varchar(5), v text, c text, n text, i int8, f numeric, d timestamp, l timestamptz, z timestamptz, e text,
      ai int8[], j jsonb, b int, u text);
    INSERT INTO types VALUES (2, 6, 's', repeat('w', 70), 'cc  ', repeat('m', 70), 9007199254740993, 2.25, '2026-01-02 03:00', '2026-01-02 03:00Z', NULL,
      'sad', '{9007199254740993}', '{"b": 2}', 1, 'text');`,
  c: `${COMMON}
    CREATE TABLE inner_one (id int); INSERT INTO inner_one VALUES (2);
    CREATE TABLE other_one (id int);
    CREATE TABLE types (k int, p int4, s char(3), v name, c varchar(9), n varchar(90), i numeric, f float8, d timestamptz, l timestamp, z date, e varchar(5),
      ai int4[], j json, b boolean, u uuid);
    INSERT INTO types VALUES (3, 7, 'abc', 'v', 'c', 'n', 0.5, 1e10, '2026-01-03Z', NULL, '2026-01-03', NULL, NULL, '[]', false, NULL);`,
} as const;

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(Object.keys(DDL), { ddl: DDL, labels: { a: { plan: "pro" }, c: { plan: "pro" } } });
});

afterAll(async () => {
  await fleet?.close();
});

const leftOut = ({ answer }: Awaited<ReturnType<FleetApp["ask"]>>) =>
  answer.coverage.failed.map(({ tenant, reason }) => [tenant, reason]);

describe("a name without a qualifier", () => {
  const COLUMN_MISSING = [
    ["b", "column_missing"],
    ["c", "column_missing"],
  ];

  test.each([
    [
      "EXISTS",
      "SELECT id FROM $<tenant>_outer_one WHERE EXISTS (SELECT 1 FROM $<tenant>_inner_one WHERE extra = 10) ORDER BY id",
    ],
    ["IN", "SELECT id FROM $<tenant>_outer_one WHERE 10 IN (SELECT extra FROM $<tenant>_inner_one) ORDER BY id"],
    [
      "a scalar",
      "SELECT id FROM $<tenant>_outer_one WHERE (SELECT max(extra) FROM $<tenant>_inner_one) = 10 ORDER BY id",
    ],
    [
      "LATERAL",
      "SELECT o.id FROM $<tenant>_outer_one o, LATERAL (SELECT extra AS e FROM $<tenant>_inner_one) i ORDER BY o.id",
    ],
    [
      "a star",
      "SELECT id FROM $<tenant>_outer_one WHERE EXISTS (SELECT 1 FROM (SELECT * FROM $<tenant>_inner_one) s WHERE extra = 10) ORDER BY id",
    ],
    [
      "ORDER BY",
      "SELECT id FROM $<tenant>_outer_one WHERE id > (SELECT id FROM $<tenant>_inner_one ORDER BY extra LIMIT 1) - 1 ORDER BY id",
    ],
    [
      "WITH",
      "WITH i AS (SELECT * FROM $<tenant>_inner_one) SELECT id FROM $<tenant>_outer_one WHERE EXISTS (SELECT 1 FROM i WHERE extra = 10) ORDER BY id",
    ],
    [
      "GROUP BY",
      "SELECT id FROM $<tenant>_outer_one WHERE EXISTS (SELECT count(*) AS extra FROM $<tenant>_inner_one GROUP BY extra) ORDER BY id",
    ],
  ])("means the innermost table that has it in any tenant: %s", async (_, sql) => {
    const asked = await fleet.ask(sql);
    expect(asked.rows).toEqual([
      { id: 1, tenant: "a" },
      { id: 2, tenant: "a" },
    ]);
    expect(leftOut(asked)).toEqual(COLUMN_MISSING);
    expect(asked.notices.join()).toMatch(/b, c left out: column "extra" does not exist in \$<tenant>_inner_one/);
  });

  test("means the outer table where no tenant's inner one has it, and where it is qualified", async () => {
    const bare = await fleet.ask(
      "SELECT id FROM $<tenant>_outer_one WHERE EXISTS (SELECT 1 FROM $<tenant>_inner_one WHERE note = 'x')",
    );
    const qualified = await fleet.ask(
      "SELECT id FROM $<tenant>_outer_one o WHERE EXISTS (SELECT 1 FROM $<tenant>_inner_one WHERE o.extra = 10)",
    );
    expect(bare.rows).toHaveLength(3);
    expect(qualified.rows).toEqual(bare.rows);
    expect([leftOut(bare), leftOut(qualified)]).toEqual([[], []]);
  });

  test("means an output column in ORDER BY, and is one of every tenant", async () => {
    const asked = await fleet.ask("SELECT -id AS extra FROM $<tenant>_inner_one ORDER BY extra, tenant");
    expect(asked.rows.map(({ extra }) => extra)).toEqual([-2, -1, -1]);
    expect(leftOut(asked)).toEqual([]);
  });

  test("is refused where some tenants' tables would say this table and some that", async () => {
    const from = "$<tenant>_inner_one i JOIN $<tenant>_other_one o ON o.id = i.id";
    expect(await fleet.refusal(`SELECT count(*) FROM ${from}\nWHERE extra > 0`)).toMatchObject({
      code: "TEMPLATE_DRIFT",
      message: '"extra" is a column of $<tenant>_inner_one in some tenants and of $<tenant>_other_one in others',
      position: { line: 2, column: 7 },
    });
    const qualified = await fleet.ask(`SELECT count(*) AS n FROM ${from} WHERE o.extra > 0`);
    expect(qualified.rows).toEqual([{ n: 1, tenant: "b" }]);
  });

  test("is a column before it is a table's alias", async () => {
    expect((await fleet.ask("SELECT id FROM $<tenant>_inner_one id ORDER BY 1, 2")).rows).toHaveLength(3);
    expect((await fleet.refusal("SELECT count(i) FROM $<tenant>_inner_one i")).code).toBe("TEMPLATE_DRIFT");
  });
});

describe("types are the fleet's", () => {
  const typeOf = async (column: string): Promise<unknown> =>
    (await fleet.ask(`SELECT pg_typeof(${column})::text AS t FROM (SELECT ${column} FROM $<tenant>_types) x LIMIT 1`))
      .rows[0]?.t;

  test.each([
    ["s", "text"],
    ["v", "text"],
    ["c", "text"],
    ["n", "text"],
    ["i", "numeric"],
    ["f", "double precision"],
    ["d", "timestamp with time zone"],
    ["l", "timestamp with time zone"],
    ["z", "timestamp with time zone"],
    ["e", "text"],
    ["ai", "bigint[]"],
  ])("%s meets as %s", async (column, type) => {
    expect(await typeOf(column)).toBe(type);
  });

  test("nothing is cut, rounded or moved", async () => {
    const { text } = await fleet.ask(
      `SELECT s, length(v) AS v, length(n) AS n, i, f, d, ai
       FROM (SELECT * FROM (SELECT k, s, v, n, i, f, d, ai FROM $<tenant>_types) y) x ORDER BY k`,
    );
    const day = Date.UTC(2026, 0, 1);
    expect(text).toBe(
      `[{"s":"long text that varchar(5) would cut","v":1,"n":1,"i":1,"f":1.5,"d":${day},"ai":[1,2]},` +
        `{"s":"s","v":70,"n":70,"i":9007199254740993,"f":2.25,"d":${day + 27 * 3_600_000},"ai":[9007199254740993]},` +
        `{"s":"abc","v":1,"n":1,"i":0.5,"f":10000000000,"d":${day + 48 * 3_600_000},"ai":null}]`,
    );
  });

  test("what cannot meet is named, with its types and tenants, and what can is not", async () => {
    expect(await fleet.refusal("SELECT s, j, i, b FROM $<tenant>_types")).toMatchObject({
      code: "TEMPLATE_DRIFT",
      message:
        "the tenants' types cannot meet: j is json in a, c and jsonb in b; b is boolean in a, c and integer in b",
    });
    expect((await fleet.refusal("SELECT *, 1 AS one FROM $<tenant>_types")).message).toContain(
      "u is uuid in a, c and text in b",
    );
    expect((await fleet.ask("SELECT b FROM $<tenant:plan=pro>_types ORDER BY b")).rows).toHaveLength(2);
  });

  test("one tenant alone has the types and columns of all, and the same refusals", async () => {
    const one = { tenants: ["a"] };
    const typed = "SELECT pg_typeof(s)::text AS s, pg_typeof(i)::text AS i FROM (SELECT s, i FROM $<tenant>_types) x";
    expect((await fleet.ask(typed, one)).rows).toEqual([{ s: "text", i: "numeric" }]);
    expect((await fleet.ask("SELECT * FROM $<tenant>_other_one", one)).rows).toEqual([
      { id: 1, only_inner: null, only_other: 5, extra: null, tenant: "a" },
    ]);
    expect((await fleet.refusal("SELECT b FROM $<tenant>_types", one)).code).toBe("TEMPLATE_DRIFT");
    expect((await fleet.refusal("SELECT i FROM $<tenant>_inner_one i", one)).code).toBe("TEMPLATE_DRIFT");
    expect(await fleet.refusal("SELECT extra FROM $<tenant>_inner_one", { tenants: ["c"] })).toMatchObject({
      code: "TENANT_FAILED",
      message: expect.stringContaining('c (column "extra" does not exist in $<tenant>_inner_one)'),
    });
  });

  test("DISTINCT, GROUP BY and ORDER BY over the rows of all work on the types that met", async () => {
    const arms = "VALUES (1::numeric), (9007199254740993), (0.5)";
    expect((await fleet.ask("SELECT i FROM $<tenant>_types ORDER BY i")).text).toMatch(/0\.5.*1,.*9007199254740993/);
    const grouped = await fleet.ask(
      "SELECT i, count(*) AS n FROM (SELECT i FROM $<tenant>_types) x GROUP BY i ORDER BY i DESC",
    );
    const expected = await fleet.onFederation(
      `SELECT i::text, count(*)::int AS n FROM (${arms}) x(i) GROUP BY i ORDER BY x.i DESC`,
    );
    expect(grouped.rows.map(({ n }) => n)).toEqual(expected.map(({ n }) => n));
    expect((await fleet.ask("SELECT DISTINCT c FROM (SELECT c FROM $<tenant>_types) x ORDER BY c")).rows).toEqual([
      { c: "c" },
      { c: "cc  " },
    ]);
    expect(
      (await fleet.ask("SELECT k FROM $<tenant>_types ORDER BY d DESC, f + 1 LIMIT 1")).rows.map(({ k }) => k),
    ).toEqual([3, 2, 1]);
  });

  test("a domain meets its own type, and a column without values is text", async () => {
    expect(await typeOf("p")).toBe("bigint");
    const { rows } = await fleet.ask(
      "SELECT pg_typeof(x)::text AS t FROM (SELECT NULL AS x FROM $<tenant>_inner_one) y LIMIT 1",
    );
    expect(rows).toEqual([{ t: "text" }]);
  });
});

describe("a tenant without a column is left out and named, wherever the column stands", () => {
  test.each([
    ["an expression", "SELECT id + extra AS e FROM $<tenant>_inner_one"],
    ["USING", "SELECT o.id FROM $<tenant>_outer_one o JOIN $<tenant>_inner_one i USING (id, extra)"],
    ["a condition of a join", "SELECT o.id FROM $<tenant>_outer_one o JOIN $<tenant>_inner_one i ON i.extra = o.extra"],
    ["a hidden sort key", "SELECT id FROM $<tenant>_inner_one ORDER BY extra"],
    ["a window", "SELECT rank() OVER (ORDER BY extra) AS r FROM $<tenant>_inner_one"],
    [
      "WITH, read once",
      "WITH i AS (SELECT extra FROM $<tenant>_inner_one) SELECT tenant, count(*) AS n FROM i GROUP BY tenant",
    ],
    ["one side of a UNION", "SELECT id FROM $<tenant>_inner_one UNION ALL SELECT extra FROM $<tenant>_inner_one"],
    ["an aggregate's FILTER", "SELECT count(*) FILTER (WHERE extra > 0) AS n FROM $<tenant>_inner_one"],
  ])("%s", async (_, sql) => {
    const asked = await fleet.ask(sql);
    expect(asked.rows.length).toBeGreaterThan(0);
    expect(new Set(asked.rows.map(({ tenant }) => tenant))).toEqual(new Set(["a"]));
    expect(leftOut(asked)).toEqual([
      ["b", "column_missing"],
      ["c", "column_missing"],
    ]);
    expect(asked.notices.join()).toContain("extra");
  });
});

describe("a SELECT around tables that drifted", () => {
  test.each([
    "SELECT count(*) AS n FROM (SELECT i FROM $<tenant>_types) t WHERE tenant = 'b'",
    "WITH t AS (SELECT i FROM $<tenant>_types) SELECT count(*) AS n FROM t WHERE tenant = 'b'",
  ])("asks only the tenants that it lets through: %s", async (sql) => {
    const { rows, answer } = await fleet.ask(sql);
    expect(rows).toEqual([{ n: 1 }]);
    expect(answer.coverage.expected).toBe(1);
  });

  test("moves work into arms where the columns that are read have not", async () => {
    const sql = "WITH t AS (SELECT id FROM $<tenant>_inner_one) SELECT count(*) AS n, max(id) AS last FROM t";
    expect((await fleet.explain(sql)).moved).toEqual(["aggregates over t, in two phases"]);
    expect((await fleet.ask(sql)).rows).toEqual([{ n: 3, last: 2 }]);
  });

  test("gathers the columns of a star, which differ", async () => {
    const sql = "SELECT count(*) AS n, max(extra) AS most FROM (SELECT * FROM $<tenant>_inner_one) t";
    expect((await fleet.explain(sql)).moved).toEqual([]);
    expect((await fleet.ask(sql)).rows).toEqual([{ n: 3, most: 10 }]);
  });
});
