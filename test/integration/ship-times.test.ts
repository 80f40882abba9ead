import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Rewrite } from "../../src/sql/rewrites.ts";
import { type FleetApp, openFleet } from "../support/app.ts";

// Real foreign tables: what is claimed to be sent to the tenants is, by PostgreSQL's own plans.

const DDL = `CREATE TABLE times (id int, kind text, t timestamp, z timestamptz, d date);
  INSERT INTO times VALUES (1, 'a', now() AT TIME ZONE 'UTC', now(), current_date), (2, 'b', 'infinity', '-infinity', NULL)`;

let shipping: FleetApp & { readonly close: () => Promise<void> };
let plain: FleetApp & { readonly close: () => Promise<void> };
beforeAll(async () => {
  [shipping, plain] = await Promise.all([
    openFleet(["one"], { ddl: DDL }),
    openFleet(["one"], { ddl: DDL, rewrites: new Set<Rewrite>() }),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([shipping.close(), plain.close()]);
});

async function verdictOf(fleet: FleetApp, sql: string): Promise<readonly string[]> {
  const { blocks } = await fleet.explain(sql);
  return blocks.flatMap(({ verdicts }) =>
    verdicts.map(({ verdict, reasons }) =>
      reasons.length === 0 ? verdict : reasons.map(({ code }) => code).join(", "),
    ),
  );
}

const CONDITIONS = [
  "@ > now() - interval '5 min'",
  "now() - interval '5 min' < @",
  "@ >= current_date",
  "@ BETWEEN date_trunc('day', now()) AND now()",
  "@ NOT BETWEEN localtimestamp - interval '1 h' AND localtimestamp",
  "@ IN (date_trunc('day', now()), current_timestamp)",
  "@ IS DISTINCT FROM now()",
  "@ < timestamptz '2026-01-01 10:00+02'",
  "@ < timestamp '2026-01-01 10:00:00.5'",
  "@ < date '2026-01-01'",
  "@ < to_timestamp(1795320000)",
  "now() - @ < interval '5 min'",
  "extract(epoch FROM @) > 1795320000.25",
  "extract(epoch FROM @) > extract(epoch FROM now()) - 300",
  "1795320000 <= date_part('epoch', @)",
  "extract(epoch FROM @) * 1000 BETWEEN 1795320000000 AND 1795320000001",
  "extract(epoch FROM @) NOT BETWEEN 1 AND 2",
  "$__unixEpochFilter(extract(epoch FROM @))",
  "date_trunc('day', @) = date_trunc('day', now())",
  "kind = concat('a', 'b')",
];

describe.each(["t", "z"])("conditions on %s", (column) => {
  test.each(CONDITIONS)("%s", async (condition) => {
    const sql = `SELECT count(*) FROM $<tenant>_times WHERE ${condition.replaceAll("@", column)}`;
    expect(await verdictOf(shipping, sql)).toEqual(["pushed"]);
  });
});

test.each([
  ["t", "@ > now() - interval '5 min'"],
  ["t", "@ < timestamptz '2026-01-01'"],
  ["z", "@ < timestamp '2026-01-01'"],
  ["z", "extract(epoch FROM @) > 5"],
])("without the rewrites %s drags its rows: %s", async (column, condition) => {
  const sql = `SELECT count(*) FROM $<tenant>_times WHERE ${condition.replaceAll("@", column)}`;
  expect(await verdictOf(plain, sql)).toEqual(["filter-local, aggregate-local"]);
});

test.each([
  "d >= now()",
  "d < timestamptz '2026-01-01 10:00'",
  "d = current_date",
  "d BETWEEN current_date - 7 AND now()",
])("dates: %s", async (condition) => {
  expect(await verdictOf(shipping, `SELECT count(*) FROM $<tenant>_times WHERE ${condition}`)).toEqual(["pushed"]);
});

test.each(["t", "z"])("groups on %s", async (column) => {
  for (const unit of ["microseconds", "milliseconds", "second", "minute", "hour", "day", "week"]) {
    const sql = `SELECT date_trunc('${unit}', ${column}), kind, count(*) FROM $<tenant>_times GROUP BY 1, 2`;
    expect(await verdictOf(shipping, sql), unit).toEqual(["pushed"]);
    expect(await verdictOf(plain, sql), unit).toEqual(["aggregate-local"]);
  }
  const having = `SELECT kind, max(${column}) FROM $<tenant>_times GROUP BY kind HAVING max(${column}) < now()`;
  expect(await verdictOf(shipping, having)).toEqual(["pushed"]);
});

test("groups of dates", async () => {
  const sql = "SELECT $__timeGroupAlias(d, '1d'), count(*) FROM $<tenant>_times GROUP BY 1";
  expect(await verdictOf(shipping, sql)).toEqual(["pushed"]);
  expect(await verdictOf(plain, sql)).toEqual(["aggregate-local"]);
});

test.each([
  "SELECT $__timeGroup(@, '5m'), kind, count(*) FROM $<tenant>_times WHERE $__timeFilter(@) GROUP BY 1, 2",
  "SELECT count(*) FROM $<tenant>_times WHERE $__timeFilter(date_trunc('day', @))",
  "SELECT $__timeGroup(date_trunc('hour', @), '1d'), count(*) FROM $<tenant>_times GROUP BY $__timeGroup(date_trunc('hour', @), '1d')",
  "SELECT $__unixEpochGroupAlias(id, '5m'), count(*) FROM $<tenant>_times WHERE $__unixEpochFilter(id) GROUP BY 1",
  "SELECT count(*) FROM $<tenant>_times WHERE $__unixEpochNanoFilter(id) AND kind = 'a'",
])("macros: %s", async (sql) => {
  for (const column of ["t", "z"]) expect(await verdictOf(shipping, sql.replaceAll("@", column))).toEqual(["pushed"]);
});

test("names of columns stay", async () => {
  const sql = `SELECT now(), current_date, current_timestamp(3), localtime, date_trunc('day', t), now()::date, (now() - interval '1 h')::date,
    coalesce(t, now()), CASE WHEN id = 1 THEN t ELSE now() END, (SELECT current_timestamp), t > now() AS old, ARRAY[now()],
    date_trunc('hour', z)::text, extract(epoch FROM now()), (SELECT now())::date FROM $<tenant>_times`;
  const names = async (fleet: FleetApp) => (await fleet.explain(sql)).blocks[0]?.columns.map(({ name }) => name);
  expect(await names(shipping)).toEqual(await names(plain));
});

test("all tenants see one instant, and a volatile function is left alone", async () => {
  const { rows } = await shipping.ask("SELECT now() AS a, current_timestamp AS b FROM $<tenant>_times");
  expect(new Set(rows.map(({ a, b }) => `${a} ${b}`)).size).toBe(1);
  const [block] = (await shipping.explain("SELECT clock_timestamp(), random() FROM $<tenant>_times")).blocks;
  expect(block?.lanes[0]?.sql).toMatch(/clock_timestamp\(\), random\(\)/);
});

test("no value of an expression is taken for a name", async () => {
  const { rows } = await shipping.ask(
    "SELECT concat('__t', 'nt_r_0__') AS a, concat('__t', 'nt_0__') AS b, concat('__tn', 't_l_0__') AS c, '$<tenant>' AS d FROM $<tenant>_times WHERE id = 1",
  );
  expect(rows).toEqual([{ a: "__tnt_r_0__", b: "__tnt_0__", c: "__tnt_l_0__", d: "one", tenant: "one" }]);
});

test("what PostgreSQL refuses to evaluate means what it says", async () => {
  const { rows } = await shipping.ask(
    "SELECT CASE WHEN id < 0 THEN to_timestamp('x', 'YYYY') ELSE z END AS z FROM $<tenant>_times WHERE id = 2 AND z < now()",
  );
  expect(rows).toMatchObject([{ z: null, tenant: "one" }]);
  expect(await shipping.refusal("SELECT to_timestamp('x', 'YYYY') FROM $<tenant>_times")).toMatchObject({
    code: "QUERY_FAILED",
  });
});
