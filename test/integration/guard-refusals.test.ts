import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetApp, openFleet } from "../support/app.ts";
import { DANGEROUS_FUNCTIONS } from "../unit/sql/guard-cases.ts";

// What the guard refuses, asked of the whole product, with settings that try to allow it.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(["acme", "beta"], {
    ddl: "CREATE TABLE items (id int); INSERT INTO items VALUES (1);",
    config: {
      guard: {
        allowRelations: ["acme_items", "public.beta_items", "pg_catalog.pg_user_mapping", "information_schema.tables"],
      },
    },
  });
});

afterAll(async () => {
  await fleet?.close();
});

describe("a dangerous function is refused where it stands", () => {
  test.each(DANGEROUS_FUNCTIONS)("%s", async (name) => {
    const call = await fleet.refusal(`SELECT id,\n  ${name}('x') FROM $<tenant>_items`);
    expect(call).toMatchObject({
      code: "QUERY_FORBIDDEN",
      message: `the function ${name} is not allowed`,
      position: { line: 2, column: 3 },
    });
    const source = await fleet.refusal(
      `SELECT 1 FROM $<tenant>_items CROSS JOIN LATERAL pg_catalog."${name}"(id) AS f`,
    );
    expect(source).toMatchObject({
      code: "QUERY_FORBIDDEN",
      message: `the function pg_catalog.${name} is not allowed`,
      position: { line: 1, column: 50 },
    });
  });
});

describe("a relation that no setting allows is refused where it stands", () => {
  test.each([
    ["acme_items", "SELECT * FROM acme_items, $<tenant>_items"],
    ["public.acme_items", "SELECT * FROM public.acme_items, $<tenant>_items"],
    ["beta_items", "WITH c AS (SELECT * FROM beta_items) SELECT * FROM c, $<tenant>_items"],
    ["beta_items", "SELECT (SELECT max(id) FROM beta_items) FROM $<tenant>_items"],
    ["public.beta_items", 'SELECT 1 FROM $<tenant>_items WHERE EXISTS (SELECT FROM "public"."beta_items")'],
    ["beta_items", 'SELECT * FROM U&"\\0062eta_items", $<tenant>_items'],
    ["beta_items", "SELECT * FROM $<tenant>_items UNION ALL SELECT * FROM beta_items"],
    ["beta_items", "SELECT * FROM $<tenant>_items, LATERAL (TABLE beta_items) b"],
    ["pg_user_mapping", "SELECT * FROM pg_user_mapping, $<tenant>_items"],
    ["pg_catalog.pg_user_mapping", "SELECT * FROM pg_catalog.pg_user_mapping, $<tenant>_items"],
    ["information_schema.tables", "SELECT * FROM information_schema.tables, $<tenant>_items"],
  ])("%s: %s", async (name, sql) => {
    expect(await fleet.refusal(sql)).toMatchObject({
      code: "QUERY_FORBIDDEN",
      message: `the relation ${name} is not allowed`,
      hint: expect.stringContaining("$<tenant>"),
      position: {
        line: 1,
        column:
          sql.search(/(public\.|"public"\.|pg_catalog\.|information_schema\.)?(acme_|beta_|"beta_|U&|pg_user|tables)/) +
          1,
      },
    });
  });
});
