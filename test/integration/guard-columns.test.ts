import { afterAll, beforeAll, expect, test } from "vitest";
import { type FleetApp, onlyTenants, openFleet } from "../support/app.ts";

// Columns that are called like functions and types of the federation database, which `x.name` would call if there were no column.

let fleet: FleetApp & { readonly close: () => Promise<void> };

const TABLES = `CREATE TABLE tickets (id int, status text, score int, ts_stat text, "Größe" int);
  INSERT INTO tickets VALUES (1, 'open', 7, 'select 1', 3);`;

beforeAll(async () => {
  fleet = await openFleet(["acme", "beta"], {
    ddl: { acme: `${TABLES} ALTER TABLE tickets ADD COLUMN secret_of int DEFAULT 9;`, beta: TABLES },
  });
  await fleet.onFederation(`CREATE TYPE status AS ENUM ('open');
    CREATE FUNCTION score(anyelement) RETURNS text LANGUAGE sql AS 'SELECT ''called''';
    CREATE FUNCTION "Größe"(anyelement) RETURNS text LANGUAGE sql AS 'SELECT ''called''';
    CREATE FUNCTION secret_of(anyelement) RETURNS text LANGUAGE sql AS 'SELECT ''called''';`);
});

afterAll(async () => {
  await fleet?.close();
});

test.each([
  ["of a table", 'SELECT t.status, t.score, t.ts_stat, t."Größe" FROM $<tenant>_tickets t'],
  [
    "of a table without an alias",
    'SELECT status, $<tenant>_tickets.score, ts_stat, $<tenant>_tickets."Größe" FROM $<tenant>_tickets',
  ],
  [
    "of a sub-select's star",
    'SELECT s.status, s.score, s.ts_stat, s."Größe", s.tenant FROM (SELECT * FROM $<tenant>_tickets) s CROSS JOIN (SELECT 1 AS n) o',
  ],
  [
    "of a WITH query",
    'WITH c AS (SELECT status, score, ts_stat, "Größe" FROM $<tenant>_tickets) SELECT c.status, c.score, c.ts_stat, c."Größe", c.tenant FROM c',
  ],
  [
    "of a join",
    'SELECT j.status, j.score, j.ts_stat, j."Größe" FROM ($<tenant>_tickets t CROSS JOIN (SELECT 2 AS two) x) AS j',
  ],
])("columns %s are read, not called", async (_, sql) => {
  const { rows } = await fleet.ask(sql);
  const row = { status: "open", score: 7, ts_stat: "select 1", Größe: 3 };
  expect(rows.map(({ tenant, status, score, ts_stat, Größe }) => ({ tenant, status, score, ts_stat, Größe }))).toEqual([
    { ...row, tenant: "acme" },
    { ...row, tenant: "beta" },
  ]);
});

test("a column that one tenant lacks would be a call there", async () => {
  const sql = "SELECT t.secret_of FROM $<tenant>_tickets t";
  expect(await fleet.refusal(sql)).toMatchObject({
    code: "QUERY_FORBIDDEN",
    message: "t.secret_of could be a call of the function secret_of, which is not allowed",
    position: { line: 1, column: 8 },
  });
  // For a caller who may see only the tenant that has it, it is a column.
  const { rows } = await fleet.ask(sql, { principal: onlyTenants("acme") });
  expect(rows).toEqual([{ secret_of: 9, tenant: "acme" }]);
});
