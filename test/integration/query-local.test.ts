import { afterAll, beforeAll, expect, test } from "vitest";
import { bag, type FleetApp, openFleet } from "../support/app.ts";

// Relations of the federation database that guard.allowRelations names: beside the tenants' tables, and around the fleet's rows.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(["a", "b"], {
    ddl: "CREATE TABLE items (id int, kind text); INSERT INTO items VALUES (1, 'x'), (2, 'y');",
    federationDdl: `CREATE TABLE kinds (kind varchar(3), goal int); INSERT INTO kinds VALUES ('x', 10), ('z', 30);
      CREATE SCHEMA ops; CREATE TABLE ops.owners (tenant text, owner text); INSERT INTO ops.owners VALUES ('a', 'Ann'), ('b', 'Bob');
      CREATE TABLE hidden (n int);`,
    config: { guard: { allowRelations: ["kinds", "ops.owners"] } },
  });
});

afterAll(async () => {
  await fleet?.close();
});

const A_AND_B = (row: Record<string, unknown>) => ["a", "b"].map((tenant) => ({ ...row, tenant }));

test.each([
  ["a join", "SELECT id, goal FROM $<tenant>_items JOIN kinds USING (kind)", A_AND_B({ id: 1, goal: 10 })],
  ["NATURAL JOIN", "SELECT id, goal FROM $<tenant>_items NATURAL JOIN public.kinds", A_AND_B({ id: 1, goal: 10 })],
  [
    "an outer join",
    "SELECT id, goal FROM $<tenant>_items i LEFT JOIN kinds k ON k.kind = i.kind WHERE goal IS NULL",
    A_AND_B({ id: 2, goal: null }),
  ],
  [
    "a sub-select",
    "SELECT id FROM $<tenant>_items i WHERE NOT EXISTS (SELECT FROM kinds k WHERE k.kind = i.kind)",
    A_AND_B({ id: 2 }),
  ],
  ["WITH", "WITH k AS (SELECT kind FROM kinds) SELECT id FROM $<tenant>_items JOIN k USING (kind)", A_AND_B({ id: 1 })],
  ["EXCEPT within a tenant", "SELECT kind FROM kinds EXCEPT SELECT kind FROM $<tenant>_items", A_AND_B({ kind: "z" })],
  [
    "an expression sub-select of a copied block",
    "SELECT (SELECT count(*) FROM $<tenant>_items) AS n, goal FROM kinds WHERE kind = 'z'",
    A_AND_B({ n: 2, goal: 30 }),
  ],
  [
    "the tenant's own row",
    "SELECT id, owner FROM $<tenant>_items JOIN ops.owners o ON o.tenant = $<tenant> WHERE id = 1",
    [
      { id: 1, owner: "Ann", tenant: "a" },
      { id: 1, owner: "Bob", tenant: "b" },
    ],
  ],
])("in a copied block: %s", async (_, sql, rows) => {
  expect(bag((await fleet.ask(sql)).rows)).toEqual(bag(rows));
});

test.each([
  [
    "USING the tenant",
    "SELECT owner, n FROM (SELECT count(*) AS n FROM $<tenant>_items) t JOIN ops.owners USING (tenant) ORDER BY 1",
  ],
  [
    "an outer join",
    "SELECT owner, n FROM ops.owners o LEFT JOIN (SELECT count(*) AS n FROM $<tenant>_items) t ON t.tenant = o.tenant ORDER BY 1",
  ],
  [
    "LATERAL",
    "SELECT owner, n FROM ops.owners o, LATERAL (SELECT n FROM (SELECT count(*) AS n FROM $<tenant>_items) t WHERE t.tenant = o.tenant) l ORDER BY 1",
  ],
  [
    "a sub-select",
    "SELECT owner, (SELECT n FROM (SELECT count(*) AS n FROM $<tenant>_items) t WHERE t.tenant = o.tenant) AS n FROM ops.owners o ORDER BY 1",
  ],
])("in a SELECT that runs once: %s", async (_, sql) => {
  expect((await fleet.ask(sql)).rows).toEqual([
    { owner: "Ann", n: 2 },
    { owner: "Bob", n: 2 },
  ]);
});

test("under UNION they have no tenant; a join of theirs needs none", async () => {
  expect(
    (await fleet.ask("SELECT kind FROM kinds UNION ALL SELECT kind FROM $<tenant>_items WHERE id = 1 ORDER BY 2, 1"))
      .rows,
  ).toEqual([
    { kind: "x", tenant: "a" },
    { kind: "x", tenant: "b" },
    { kind: "x", tenant: null },
    { kind: "z", tenant: null },
  ]);
  expect(
    (await fleet.ask("SELECT kind FROM kinds WHERE kind IN (SELECT kind FROM (SELECT kind FROM $<tenant>_items) t)"))
      .rows,
  ).toEqual([{ kind: "x" }]);
});

test("others are refused", async () => {
  for (const name of ["hidden", "owners", "a_items", "pg_catalog.kinds"])
    expect(await fleet.refusal(`SELECT 1 AS one FROM $<tenant>_items, ${name}`)).toMatchObject({
      code: "QUERY_FORBIDDEN",
    });
});
