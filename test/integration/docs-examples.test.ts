import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeTenants } from "../../src/demo/profiles.ts";
import { fillTenant, TENANT_TABLES } from "../../src/demo/tenant-data.ts";
import { type FleetApp, type Overrides, openFleet } from "../support/app.ts";
import { withSql } from "../support/postgres.ts";

// Every example of the language in the documentation runs, against a fleet like the demo's. A block marked `sql error CODE` fails
// with that code.

const REPOSITORY = new URL("../../", import.meta.url);
/** DDL for the federation database is not the language: `docs/tenants.md` is left to the tests of discovery. */
const PAGES = ["README.md", "docs/sql.md"];

interface Example {
  readonly place: string;
  readonly sql: string;
  /** Code of the error that it must end with, or null. */
  readonly error: string | null;
}

async function examplesOf(page: string): Promise<readonly Example[]> {
  const [folder = ".", file = page] = page.includes("/") ? page.split("/") : [".", page];
  if (!(await readdir(fileURLToPath(new URL(`${folder}/`, REPOSITORY)))).includes(file)) return [];
  const text = await readFile(new URL(page, REPOSITORY), "utf8");
  return [...text.matchAll(/^```sql(?: error (?<code>\w+))?\n(?<sql>.*?)^```$/gms)].map(({ groups, index }) => ({
    place: `${page}:${text.slice(0, index).split("\n").length}`,
    sql: groups?.sql ?? "",
    error: groups?.code ?? null,
  }));
}

const examples = (await Promise.all(PAGES.map(examplesOf))).flat();
const profiles = describeTenants(9);
let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(
    profiles.map(({ name }) => name),
    { ddl: TENANT_TABLES, labels: Object.fromEntries(profiles.map(({ name, labels }) => [name, labels])) },
  );
  for (const [index, profile] of profiles.entries())
    await withSql(fleet.tenants[index]?.url ?? "", (sql) => fillTenant(sql, profile));
  await fleet.onboard();
  await fleet.app.refreshCatalog();
});

afterAll(async () => {
  await fleet?.close();
});

test("there are examples", () => {
  expect(examples.length).toBeGreaterThan(0);
});

test.each(examples.map((example) => [example.place, example] as const))("%s", async (_, { sql, error }) => {
  const nowMs = Date.now();
  const overrides: Overrides = { range: { fromMs: nowMs - 6 * 3_600_000, toMs: nowMs }, params: new Map() };
  if (error !== null) {
    expect((await fleet.refusal(sql, overrides)).code).toBe(error);
    return;
  }
  const { rows, answer } = await fleet.ask(sql, overrides);
  expect(answer.coverage.answered).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(0);
});
