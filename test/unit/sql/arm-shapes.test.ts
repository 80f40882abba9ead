import { afterAll, expect, it } from "vitest";
import { createParser } from "../../../src/sql/parser.ts";
import { compileSample } from "./compile-sample.ts";
import { sampleCatalog } from "./sample-catalog.ts";

const parser = createParser({ observe: () => {} });
const catalog = sampleCatalog();
afterAll(() => parser.close());

async function armOf(sql: string): Promise<string> {
  const { blocks } = await compileSample(sql, catalog, parser, { allowFunctions: new Set(["tally"]) });
  return blocks[0]?.arm.fill("a", ["t", "u"]) ?? "";
}

it.each([
  ["SELECT max(id) FROM $<tenant>_jobs", /HAVING count\(\*\) >= 0$/],
  ["SELECT min(id), max(id) + 1 FROM $<tenant>_jobs WHERE id > 3", /HAVING count\(\*\) >= 0$/],
  ["SELECT n FROM (SELECT max(id) AS n FROM $<tenant>_jobs) x, $<tenant>_orders", /HAVING count\(\*\) >= 0/],
  ["SELECT DISTINCT kind, state FROM $<tenant>_jobs", / GROUP BY 1, 2, 3$/],
  ["SELECT DISTINCT kind FROM $<tenant>_jobs ORDER BY kind LIMIT 2", / GROUP BY 1, 2 ORDER BY kind LIMIT 2$/],
])("gives %s a form that is sent", async (sql, expected) => {
  expect(await armOf(sql)).toMatch(expected);
});

it.each([
  "SELECT max(id), count(*) FROM $<tenant>_jobs",
  "SELECT max(id) FROM $<tenant>_jobs GROUP BY kind",
  "SELECT max(id) OVER () FROM $<tenant>_jobs",
  "SELECT max(id) FROM $<tenant>_jobs HAVING max(id) > 3",
  // The aggregate is of the rows around it, and the sub-select is none.
  "SELECT (SELECT max(j.id) FROM $<tenant>_orders) FROM $<tenant>_jobs j",
  "SELECT x.n FROM $<tenant>_jobs j, LATERAL (SELECT max(o.id) AS n FROM $<tenant>_orders o WHERE o.id = j.id) x",
  "SELECT DISTINCT * FROM $<tenant>_jobs",
  "SELECT DISTINCT ON (kind) kind, id FROM $<tenant>_jobs ORDER BY kind, id",
  "SELECT DISTINCT count(*) FROM $<tenant>_jobs GROUP BY kind",
  "SELECT DISTINCT generate_series(1, 2) FROM $<tenant>_jobs",
  "SELECT DISTINCT rank() OVER (ORDER BY id) FROM $<tenant>_jobs",
  "SELECT DISTINCT rank(5) WITHIN GROUP (ORDER BY id) FROM $<tenant>_jobs",
  "SELECT DISTINCT (SELECT max(j.id)) FROM $<tenant>_jobs j",
  "SELECT DISTINCT tally(id) FROM $<tenant>_jobs",
  "SELECT DISTINCT (o).* FROM $<tenant>_orders o",
])("leaves %s alone", async (sql) => {
  const arm = await armOf(sql);
  expect(arm).not.toMatch(/count\(\*\) >= 0/);
  expect(arm.includes("DISTINCT")).toBe(sql.includes("DISTINCT"));
});
