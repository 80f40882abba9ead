import { afterAll, beforeAll, expect, it } from "vitest";
import { type FleetApp, openFleet } from "../support/app.ts";

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  const outer = "CREATE TABLE a (id int, mark int); INSERT INTO a VALUES (1, 7);";
  fleet = await openFleet(["full", "lacking"], {
    ddl: {
      full: `${outer} CREATE TABLE b (id int, mark int); INSERT INTO b VALUES (1, 7)`,
      lacking: `${outer} CREATE TABLE b (id int); INSERT INTO b VALUES (1)`,
    },
  });
});
afterAll(() => fleet?.close());

// `mark` of b: where a tenant's b lacks it, the bare name would be a's, and the tenant would answer another question.
it.each([
  "SELECT id FROM $<tenant>_a WHERE EXISTS (SELECT 1 FROM $<tenant>_b WHERE mark = 7)",
  "SELECT id FROM $<tenant>_a a WHERE 7 IN (SELECT mark FROM $<tenant>_b x WHERE x.id = a.id)",
  "SELECT id, (SELECT max(mark) FROM $<tenant>_b) AS m FROM $<tenant>_a",
  "SELECT a.id FROM $<tenant>_a a, LATERAL (SELECT mark FROM $<tenant>_b ORDER BY mark) x",
])("a tenant without the column is left out: %s", async (sql) => {
  const { rows, answer } = await fleet.ask(sql);
  expect(rows.map(({ tenant }) => tenant)).toEqual(["full"]);
  expect(answer.coverage.failed).toMatchObject([{ tenant: "lacking", reason: "column_missing" }]);
});

it("a column that the SELECT around has stays that one", async () => {
  const { rows } = await fleet.ask(
    "SELECT id FROM $<tenant>_a a WHERE EXISTS (SELECT 1 FROM $<tenant>_b b WHERE a.mark = 7)",
  );
  expect(rows).toHaveLength(2);
});
