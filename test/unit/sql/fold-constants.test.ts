import { afterAll, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { ALL_REWRITES, type Rewrite } from "../../../src/sql/rewrites.ts";
import { compileSample, sampleFolding } from "./compile-sample.ts";
import { printCompiled } from "./print-compiled.ts";
import { sampleCatalog } from "./sample-catalog.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

/** What the federation database is asked when `sql` is compiled, and what becomes of it. */
async function fold(sql: string, options: { readonly rewrites?: ReadonlySet<Rewrite> } = {}) {
  const asked: string[] = [];
  const folding = sampleFolding(parser, (statement) => asked.push(statement));
  const compiled = await compileSample(sql, sampleCatalog(), parser, { folding, ...options });
  return { asked, printed: printCompiled(compiled, sampleCatalog()) };
}

test("everything is asked in one statement, and each thing once", async () => {
  const { asked } = await fold(
    "SELECT now(), current_date FROM $<tenant>_orders WHERE placed_at > now() - interval '5 min' AND placed_at < now()",
  );
  expect(asked).toEqual(["SELECT now(), CURRENT_DATE, now() - '5 min'::interval"]);
});

test.each([
  "SELECT count(*) FROM $<tenant>_orders",
  "SELECT 1 + 1, upper('a') || 'b', interval '1 day' * 2 FROM $<tenant>_orders WHERE placed_at > '2026-01-01'",
  "SELECT random(), clock_timestamp() FROM $<tenant>_orders",
  "SELECT concat('a', '$<tenant>'), concat(status), max(placed_at) FROM $<tenant>_orders GROUP BY status",
  "SELECT $__timeGroup(placed_at, '5m') FROM $<tenant>_orders WHERE $__timeFilter(placed_at)",
  "SELECT (SELECT 1) FROM $<tenant>_orders WHERE placed_at > timestamptz '2026-01-01'",
])("nothing is asked for %s", async (sql) => {
  expect((await fold(sql)).asked).toEqual([]);
});

test("without the rewrite nothing is asked", async () => {
  const rewrites = new Set([...ALL_REWRITES].filter((rewrite) => rewrite !== "fold"));
  const { asked, printed } = await fold("SELECT now() FROM $<tenant>_orders", { rewrites });
  expect(asked).toEqual([]);
  expect(printed).toContain("SELECT now(),");
});

test("what has no literal keeps its call, and what is inside is of one statement with all else", async () => {
  const { asked, printed } = await fold("SELECT pg_typeof(now()), current_date FROM $<tenant>_orders");
  expect(asked).toEqual(["SELECT pg_typeof(now()), CURRENT_DATE", "SELECT now(), CURRENT_DATE"]);
  expect(printed).toContain(
    "SELECT pg_typeof(CAST('2026-11-22 14:00:00.123456+00' AS timestamp with time zone)), '2026-11-22'::date",
  );
});

test("a value that looks like a stand-in of ours is no literal", async () => {
  const { printed } = await fold("SELECT concat('__t', 'nt_0__') FROM $<tenant>_orders");
  expect(printed).toContain("SELECT concat('__t', 'nt_0__'), 'a-b'::text AS tenant");
});

test("a refusal of PostgreSQL leaves the text as it is, but for the present, which is asked for by itself", async () => {
  const { asked, printed } = await fold("SELECT now(), to_timestamp('x', 'y') FROM $<tenant>_orders");
  expect(asked).toHaveLength(2);
  expect(asked[1]).toBe("SELECT now()");
  expect(printed).toContain(
    "'2026-11-22 14:00:00.123456+00' AS timestamp with time zone) AS now, to_timestamp('x', 'y'),",
  );
});

test("a federation database that is away is told", async () => {
  const folding = {
    ...sampleFolding(parser),
    evaluate: () => Promise.reject(new AppError("FEDERATION_UNAVAILABLE", "away")),
  };
  await expect(
    compileSample("SELECT now() FROM $<tenant>_orders", sampleCatalog(), parser, { folding }),
  ).rejects.toMatchObject({ code: "FEDERATION_UNAVAILABLE" });
});
