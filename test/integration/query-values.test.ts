import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetApp, openFleet } from "../support/app.ts";

// Every kind of value, straight from the tenants and once more through a SELECT that reads the gathered rows.

const NAMES = ["a", "b"] as const;

/** Output column: its SQL, and what stands in the body of the format `rows`, as text. */
const VALUES: readonly (readonly [sql: string, json: string])[] = [
  ["(-32768)::int2", "-32768"],
  ["9223372036854775807::int8", "9223372036854775807"],
  ["123456789012345678901234567890.123456789::numeric", "123456789012345678901234567890.123456789"],
  ["0.1::float8 + 0.2::float8", "0.30000000000000004"],
  ["1e300::float8", "1e+300"],
  ["'NaN'::float8", "null"],
  ["'-Infinity'::float8", "null"],
  ["'NaN'::numeric", "null"],
  ["timestamptz '2026-01-01 01:00:00.123456+01'", "1767225600123"],
  ["timestamp '2026-01-01 00:00:00'", "1767225600000"],
  ["date '1969-12-31'", "-86400000"],
  ["timestamptz 'infinity'", "null"],
  ["time '12:34:56'", '"12:34:56"'],
  ["interval '1 day 2 hours'", '"1 day 02:00:00"'],
  ["true", "true"],
  ["false", "false"],
  ["NULL::boolean", "null"],
  [`'{"b": [1, 2.50], "a": null}'::jsonb`, '{"a": null, "b": [1, 2.50]}'],
  [`'[ 1,  "x" ]'::json`, '[ 1,  "x" ]'],
  ["'null'::jsonb", "null"],
  ["ARRAY[1, NULL, 3]", "[1,null,3]"],
  ["ARRAY[[1, 2], [3, 4]]", "[[1,2],[3,4]]"],
  ["ARRAY['a,b', 'q\"', '\\', '', NULL, 'NULL', '{}']", '["a,b","q\\"","\\\\","",null,"NULL","{}"]'],
  ["ARRAY[timestamptz '2026-01-01 00:00Z']", "[1767225600000]"],
  ["'{}'::int[]", "[]"],
  [`ARRAY['{"k": 1}'::jsonb]`, '[{"k": 1}]'],
  ["''::text", '""'],
  ["'tab\there \"quoted\" \\ back \u2028 😀 ünï'::text", JSON.stringify('tab\there "quoted" \\ back \u2028 😀 ünï')],
  ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'],
  ["'10.0.0.1/8'::inet", '"10.0.0.1/8"'],
  ["'\\x00ff'::bytea", '"\\\\x00ff"'],
  ["'ab'::char(4)", '"ab  "'],
  ["B'0101'", '"0101"'],
  ["int4range(1, 5)", '"[1,5)"'],
];

const TABLE = `CREATE TABLE one (n int); INSERT INTO one VALUES (1);
  CREATE TYPE mood AS ENUM ('sad', 'happy');
  CREATE TABLE vals (id int, ${VALUES.map((_, index) => `v${index} text`).join(", ")});
  CREATE TABLE points (at timestamptz, local timestamp, v int);
  INSERT INTO points VALUES ('2026-01-01 00:00:05Z', '2026-01-01 00:00:05', 1), ('2026-01-01 00:01:05Z', '2026-01-01 00:01:05', 2),
    ('2026-01-01 00:01:15Z', '2026-01-01 00:01:15', 3), (NULL, NULL, 4), ('infinity', NULL, 5), ('1969-12-31 23:59:30Z', NULL, 6);`;
const STORED = `CREATE TABLE stored AS SELECT ${VALUES.map(([sql], index) => `${sql} AS v${index}`).join(", ")};`;

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(NAMES, { ddl: `${TABLE}${STORED}` });
});

afterAll(async () => {
  await fleet?.close();
});

const expectedRow = (tenant: string) =>
  `{${VALUES.map(([, json], index) => `"v${index}":${json}`).join(",")},"tenant":"${tenant}"}`;
const all = VALUES.map((_, index) => `v${index}`).join(", ");
const expected = `[${NAMES.map(expectedRow).join(",")}]`;

describe("values", () => {
  test("stored by the tenants", async () => {
    expect((await fleet.ask(`SELECT ${all} FROM $<tenant>_stored ORDER BY tenant`)).text).toBe(expected);
  });

  test("computed by the tenants", async () => {
    const outputs = VALUES.map(([sql], index) => `${sql} AS v${index}`).join(", ");
    expect((await fleet.ask(`SELECT ${outputs} FROM $<tenant>_one ORDER BY tenant`)).text).toBe(expected);
  });

  test("through a SELECT over the gathered rows", async () => {
    const { text } = await fleet.ask(`SELECT * FROM (SELECT ${all} FROM $<tenant>_stored) t ORDER BY tenant`);
    expect(text).toBe(expected);
  });

  test("grouped over the gathered rows", async () => {
    const groupable = VALUES.flatMap(([sql], index) =>
      sql.includes("::json)") || sql.endsWith("::json") ? [] : [`v${index}`],
    );
    const { rows } = await fleet.ask(
      `SELECT count(*) AS n FROM (SELECT ${all} FROM $<tenant>_stored) t GROUP BY ${groupable.join(", ")}`,
    );
    expect(rows).toEqual([{ n: 2 }]);
  });
});

describe("outer blocks", () => {
  test("compute with all digits", async () => {
    const { text } = await fleet.ask("SELECT sum(v2) AS s FROM (SELECT v2 FROM $<tenant>_stored) t");
    expect(text).toBe('[{"s":246913578024691357802469135780.246913578}]');
  });

  test("tell an empty text from a null", async () => {
    const { rows } = await fleet.ask(
      "SELECT count(e) AS texts, count(z) AS others FROM (SELECT '' AS e, NULL::text AS z FROM $<tenant>_one) t",
    );
    expect(rows).toEqual([{ texts: 2, others: 0 }]);
  });

  test("read arrays, json and intervals as what they are", async () => {
    const { rows } = await fleet.ask(
      `SELECT v20[3] AS third, v17->'b'->>1 AS half, extract(epoch FROM v13)::int AS seconds, cardinality(v22) AS n
       FROM (SELECT v20, v17, v13, v22 FROM $<tenant>_stored) t LIMIT 1`,
    );
    expect(rows).toEqual([{ third: 3, half: "2.50", seconds: 93_600, n: 7 }]);
  });

  test("answer also when the fleet has no rows", async () => {
    expect(
      (await fleet.ask("SELECT count(*) AS n, max(v2) AS m FROM (SELECT v2 FROM $<tenant>_stored WHERE false) t")).rows,
    ).toEqual([{ n: 0, m: null }]);
  });

  test("cannot read rows without a type, and say so", async () => {
    expect((await fleet.refusal("SELECT r FROM (SELECT ROW(v, at) AS r FROM $<tenant>_points) t")).code).toBe(
      "TEMPLATE_UNSUPPORTED",
    );
  });
});

describe("time groups", () => {
  const seconds = (text: string): number => Date.parse(text);

  test.each(["at", "local"])("are epochs of the group's start, as Grafana's are: %s", async (column) => {
    const { rows } = await fleet.ask(
      `SELECT $__timeGroupAlias(${column}, '1m'), sum(v) AS v FROM $<tenant>_points
       WHERE v < 4 GROUP BY 1 ORDER BY 1, tenant`,
    );
    expect(rows).toEqual(
      [
        ["2026-01-01T00:00Z", 1],
        ["2026-01-01T00:01Z", 5],
      ].flatMap(([at, v]) => NAMES.map((tenant) => ({ time: seconds(String(at)), v, tenant }))),
    );
  });

  test("before 1970 and without a time", async () => {
    const { rows } = await fleet.ask(
      "SELECT $__timeGroup(at, '1m') AS g, count(*) AS n FROM $<tenant:a>_points WHERE v IN (4, 6) GROUP BY 1 ORDER BY 1",
    );
    expect(rows).toEqual([
      { g: -60, n: 1, tenant: "a" },
      { g: null, n: 1, tenant: "a" },
    ]);
  });

  test("mean the same outside a copied block", async () => {
    const { rows } = await fleet.ask(
      "SELECT $__timeGroup(at, '1m') AS time, sum(v) AS v FROM (SELECT at, v FROM $<tenant>_points WHERE v < 4) t GROUP BY 1 ORDER BY 1",
    );
    expect(rows).toEqual([
      { time: seconds("2026-01-01T00:00Z"), v: 2 },
      { time: seconds("2026-01-01T00:01Z"), v: 10 },
    ]);
  });

  test("carry on through a block around them", async () => {
    const { rows } = await fleet.ask(
      `SELECT time, sum(v)::int AS v FROM (SELECT $__timeGroupAlias(at, '1m'), sum(v) AS v FROM $<tenant>_points WHERE v < 4 GROUP BY 1) t
       GROUP BY time ORDER BY time`,
    );
    expect(rows).toEqual([
      { time: seconds("2026-01-01T00:00Z"), v: 2 },
      { time: seconds("2026-01-01T00:01Z"), v: 10 },
    ]);
  });

  test("the time filter takes the request's range", async () => {
    expect((await fleet.ask("SELECT sum(v) AS v FROM $<tenant:a>_points WHERE $__timeFilter(at)")).rows).toEqual([
      { v: 6, tenant: "a" },
    ]);
  });

  test("rows without an order come ascending by time, then tenant", async () => {
    const { rows } = await fleet.ask("SELECT v, at AS time FROM $<tenant>_points WHERE v < 4");
    expect(rows.map(({ v, tenant }) => `${v}${tenant}`)).toEqual(["1a", "1b", "2a", "2b", "3a", "3b"]);
  });
});
