import fc from "fast-check";
import { expect, test } from "vitest";
import { createDatabase, type Database } from "../../src/postgres/database.ts";
import { type Row, withFleet } from "../support/app.ts";
import { withDatabase } from "../support/postgres.ts";
import { type RandomRows, randomRows } from "../support/random-rows.ts";
import { type Column, type RandomTemplate, randomTemplate } from "../support/random-templates.ts";

// Random templates over random data, against plain SQL over one database that holds all tenants in schemas.

const TENANTS = ["t0", "t1", "t2", "t-3"] as const;
const TABLES = `CREATE TABLE l (id int, grp text, v float8, q numeric, at timestamptz, ok boolean); CREATE TABLE r (id int, w int);`;
const RUNS = Number(process.env.RUNS ?? 150);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

function connect(url: string): Database {
  return createDatabase({ url, applicationName: "tenantry-test", maxConnections: 1, connectTimeoutMs: 10_000 });
}

function fill(schema: string, rows: RandomRows): string {
  const table = (name: "l" | "r") =>
    `TRUNCATE ${schema}${name};${rows[name].map((row) => `INSERT INTO ${schema}${name} VALUES (${row.join(", ")});`).join("")}`;
  return table("l") + table("r");
}

/** What the format `rows` makes of a column, written in SQL. */
function asJsonText({ name, kind }: Column): string {
  if (kind === "number")
    return `CASE WHEN ${name}::text NOT IN ('NaN', 'Infinity', '-Infinity') THEN ${name}::text END`;
  if (kind === "time") return `CASE WHEN isfinite(${name}) THEN floor(extract(epoch FROM ${name}) * 1000)::text END`;
  return `${name}::text`;
}

async function expectedRows(oracle: Database, template: RandomTemplate): Promise<readonly (readonly unknown[])[]> {
  const outputs = template.columns.map((column) => `${asJsonText(column)} AS ${column.name}`).join(", ");
  const rows = await oracle.query(`SELECT ${outputs} FROM (${template.oracle(TENANTS)}) o`);
  return rows.map((row) => template.columns.map(({ name, kind }) => fromText(row[name], kind)));
}

function fromText(value: unknown, kind: Column["kind"]): unknown {
  if (value === null) return null;
  if (kind === "number" || kind === "time") return Number(value);
  return kind === "boolean" ? value === "true" : value;
}

function actualRows(rows: readonly Row[], { columns }: RandomTemplate): readonly (readonly unknown[])[] {
  return rows.map((row) => columns.map(({ name }) => row[name]));
}

function sorted(rows: readonly (readonly unknown[])[], { ordered }: RandomTemplate): readonly string[] {
  const texts = rows.map((row) => JSON.stringify(row));
  return ordered ? texts : texts.sort();
}

test("templates mean what plain SQL means", { timeout: 60_000 + 600 * RUNS }, async () => {
  console.log(`SEED=${SEED}`);
  await withFleet(TENANTS, { ddl: TABLES }, async ({ ask, tenants }) => {
    await withDatabase(async (url) => {
      const oracle = connect(url);
      const databases = tenants.map((tenant) => connect(tenant.url));
      const schemas = TENANTS.map((name) => `CREATE SCHEMA "${name}"; SET search_path = "${name}"; ${TABLES}`);
      await oracle.query(`${schemas.join("")} RESET search_path`);
      const data = fc.tuple(...TENANTS.map(() => randomRows));
      try {
        await fc.assert(
          fc.asyncProperty(data, randomTemplate, async (rows, template) => {
            await oracle.query(rows.map((own, index) => fill(`"${TENANTS[index]}".`, own)).join(""));
            await Promise.all(
              databases.map((database, index) => database.query(fill("", rows[index] ?? { l: [], r: [] }))),
            );
            const expected = await expectedRows(oracle, template);
            const answer = await ask(template.sql);
            expect(answer.answer.coverage.failed).toEqual([]);
            expect(sorted(actualRows(answer.rows, template), template)).toEqual(sorted(expected, template));
          }),
          { seed: SEED, numRuns: RUNS },
        );
      } finally {
        await Promise.all([oracle, ...databases].map((database) => database.close()));
      }
    });
  });
});
