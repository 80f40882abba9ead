import { afterAll, beforeAll, expect, test } from "vitest";
import { type FleetApp, onlyTenants } from "../support/app.ts";
import { openLanguageFleet } from "../support/language-fleet.ts";

// Ways that once led from one tenant's rows to another's, or around the guard. Each must stay shut.

let fleet: FleetApp & { readonly close: () => Promise<void> };
const GLOBEX = { principal: onlyTenants("globex") };
const SIXTY = "a".repeat(60);

beforeAll(async () => {
  fleet = await openLanguageFleet();
});

afterAll(async () => {
  await fleet?.close();
});

test.each([
  [
    "a sub-select in the LIMIT of a set operation",
    "SELECT id AS a FROM $<tenant>_items UNION ALL SELECT id FROM $<tenant>_items LIMIT (SELECT n FROM public.acme_only_acme LIMIT 1)",
  ],
  [
    "a sub-select in the OFFSET of a union that runs once",
    "SELECT count(*) AS n FROM $<tenant>_items UNION ALL SELECT 1 OFFSET (SELECT n FROM acme_only_acme)",
  ],
  [
    "a sub-select in the ORDER BY of a set operation",
    "SELECT id FROM $<tenant>_items UNION ALL SELECT id FROM $<tenant>_items ORDER BY (SELECT n FROM acme_only_acme)",
  ],
  [
    "a function called as a column, vouched for by an alias",
    "SELECT t.ts_stat::text AS s FROM $<tenant>_items e, unnest(ARRAY['select 1']) AS t, (SELECT 1 AS ts_stat) z",
  ],
  [
    "a cast to an object's identifier in the notation of a column",
    "SELECT ('acme_items'::text).regclass FROM $<tenant>_items",
  ],
  [
    "a stand-in made by an escape, in the place of one that a long name lost",
    `SELECT '", (SELECT string_agg(q.v, $$;$$) FROM (SELECT row_to_json(x)::text v FROM public.acme_items x) q) AS "$<tenant>' AS lit,
       2 ${SIXTY}$<tenant>, 1 AS U&"x'\\005f_tnt_l_0__'" FROM $<tenant>_items LIMIT 1`,
  ],
  ["a relation's slot made by an escape", `SELECT 1 AS U&"\\005f_tnt_r_0__" FROM $<tenant>_items`],
  [
    "two WITH queries of one name, of which the unread one takes the other along",
    `WITH acme_items AS (SELECT id FROM $<tenant>_items), acme_items AS (SELECT id FROM $<tenant>_items), ok AS (SELECT id FROM $<tenant>_items)
     SELECT e.id FROM acme_items e CROSS JOIN (SELECT 1 FROM ok LIMIT 1) o`,
  ],
  [
    "a WITH query that reads itself without being recursive",
    "WITH acme_items AS (SELECT * FROM acme_items) SELECT 1 FROM acme_items, $<tenant>_items",
  ],
  [
    "a catalog behind a WITH query of another scope",
    "SELECT (WITH pg_roles AS (SELECT 1) SELECT 1 FROM pg_roles), count(*) FROM $<tenant>_items, pg_roles",
  ],
])("%s", async (_, sql) => {
  const { code } = await fleet.refusal(sql, GLOBEX);
  expect(["QUERY_FORBIDDEN", "QUERY_SYNTAX", "TEMPLATE_SCOPE", "TEMPLATE_PLACEHOLDER"]).toContain(code);
});

test("a WITH query that reads only itself is refused, not followed for ever", async () => {
  const sql = "WITH RECURSIVE a AS (SELECT * FROM a) SELECT tenant FROM a CROSS JOIN $<tenant>_items j";
  expect((await fleet.refusal(sql)).code).toBe("QUERY_FAILED");
});

test("texts that are dear to read are refused before the parser sees them", async () => {
  const selectors = Array.from({ length: 40 }, (_, index) => `'$<tenant:~"((a|${index}){1,31}){1,31}">'`).join(", ");
  expect((await fleet.refusal(`SELECT 1 FROM $<tenant>_items WHERE kind IN (${selectors})`)).code).toBe(
    "TEMPLATE_SELECTOR",
  );
  expect((await fleet.refusal(`SELECT ${"1,".repeat(5_000)}1 FROM $<tenant>_items`)).code).toBe("QUERY_FORBIDDEN");
  const { rows } = await fleet.ask(`SELECT ${"/**/".repeat(15_000)} count(*) AS n FROM $<tenant:acme>_items`);
  expect(rows).toEqual([{ n: 3, tenant: "acme" }]);
});

test("local relations are read by their full names, and only those that are listed", async () => {
  expect((await fleet.refusal("SELECT 1 FROM $<tenant>_items, acme_items")).code).toBe("QUERY_FORBIDDEN");
  expect((await fleet.refusal("SELECT 1 FROM $<tenant>_items, public.acme_items")).code).toBe("QUERY_FORBIDDEN");
});
