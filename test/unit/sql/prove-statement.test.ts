import { afterAll, describe, expect, test } from "vitest";
import { createParser } from "../../../src/sql/parser.ts";
import { proveStatement } from "../../../src/sql/prove-statement.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const permitted = { relations: [{ schema: "fleet", name: "a_x" }], functions: new Set(["public.mine"]) };
const prove = (sql: string) => proveStatement(sql, permitted, parser);

describe("passes", () => {
  test.each([
    "SELECT count(*), 'a'::text FROM fleet.a_x AS x",
    'SELECT id FROM "fleet"."a_x" WHERE id IN (SELECT id FROM fleet.a_x) LIMIT 1',
    "WITH c AS (SELECT id FROM fleet.a_x), d AS (SELECT id FROM c) SELECT * FROM d, c",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
    "WITH c AS (SELECT 1 AS n) SELECT n FROM c UNION SELECT n FROM (SELECT n FROM c) t",
    "SELECT public.mine(id), pg_catalog.lower(n) FROM fleet.a_x",
    "SELECT u.c0 FROM unnest($1::text[]) AS u(c0)",
  ])("%s", async (sql) => {
    await expect(prove(sql)).resolves.toBeUndefined();
  });
});

describe("refuses", () => {
  test.each([
    ["it would read fleet.b_x", "SELECT id FROM fleet.b_x"],
    ["it would read a_x", "SELECT id FROM a_x"],
    ["it would read pg_roles", "SELECT 1 FROM fleet.a_x, pg_roles"],
    ["it would read pg_catalog.pg_roles", "SELECT 1 FROM pg_catalog.pg_roles"],
    ["it would read fleet.a_x", "SELECT 1 FROM other.fleet.a_x"],
    ["it would read b_x", "SELECT 1 UNION ALL SELECT 2 LIMIT (SELECT n FROM b_x)"],
    ["it would read b_x", "SELECT 1 UNION SELECT 2 ORDER BY 1 OFFSET (SELECT n FROM b_x)"],
    ["it would read d", "WITH c AS (SELECT n FROM d), d AS (SELECT 1 AS n) SELECT n FROM c"],
    ["it would read c", "WITH c AS (SELECT n FROM c) SELECT n FROM c"],
    ["it would read c", "SELECT (WITH c AS (SELECT 1 AS n) SELECT n FROM c) FROM c"],
    ["two WITH queries have one name", "WITH c AS (SELECT 1), c AS (SELECT 2) SELECT 1"],
    ["it would call pg_sleep", "SELECT pg_sleep(1)"],
    ["it would call public.lower", "SELECT public.lower('x')"],
    ["it writes or locks", "SELECT id FROM fleet.a_x FOR UPDATE"],
    ["it is not one SELECT", "SELECT 1; SELECT 2"],
    ["it is not one SELECT", "DELETE FROM fleet.a_x"],
    ["a WITH query is no SELECT", "WITH c AS (DELETE FROM fleet.a_x RETURNING 1) SELECT * FROM c"],
  ])("%s: %s", async (problem, sql) => {
    await expect(prove(sql)).rejects.toMatchObject({
      code: "QUERY_FORBIDDEN",
      message: `the statement that would be sent is refused: ${problem}`,
    });
  });
});
