import { expect, test } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { AppError } from "../../src/errors.ts";
import { REWRITES, type Rewrite } from "../../src/sql/rewrites.ts";
import { EVERYBODY, type FleetApp, requestOf } from "../support/app.ts";
import { checkCases } from "../support/differential/fleet-sets.ts";
import { readRows } from "../support/differential/product-answer.ts";
import type { RandomTemplate } from "../support/differential/random-template.ts";

// Each rewrite by itself, all of them, and none, over the same random templates: they change what a query costs, and never its rows.

const CASES = Number(process.env.CASES ?? 300);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test("a query has the same rows with every rewrite and without", { timeout: 120_000 + 600 * CASES }, async () => {
  console.log(`SEED=${SEED} CASES=${CASES}`);
  const app = { federation: { lanes: 1 } };
  await checkCases({ seed: SEED, cases: CASES, app }, async (fleet) => {
    const variants = new Map<string, App>();
    for (const rewrite of REWRITES) variants.set(rewrite, await startWith(fleet, [rewrite]));
    variants.set("none", await startWith(fleet, []));
    return {
      check: async ({ sql, template }) => {
        const whole = await outcomeOf(fleet.app, sql, template);
        for (const [name, variant] of variants) {
          const outcome = await outcomeOf(variant, sql, template);
          // A tenant that WHERE drops is asked by some and not by others, and may lack what the question needs.
          if (template.narrows !== null && outcome.failed !== whole.failed) continue;
          expect([name, outcome]).toEqual([name, whole]);
        }
      },
      close: async () => {
        await Promise.all([...variants.values()].map((variant) => variant.close()));
      },
    };
  });
});

async function startWith(fleet: FleetApp, rewrites: readonly Rewrite[]): Promise<App> {
  const app = await createApp({ config: fleet.config, logLevel: "silent", rewrites: new Set(rewrites) });
  await app.refreshCatalog();
  return app;
}

/** The rows, in an order of their own unless the query gives one, and who is missing; or the refusal's code. */
async function outcomeOf(
  { service }: App,
  sql: string,
  { columns, ordered }: RandomTemplate,
): Promise<{ readonly rows: readonly string[]; readonly failed: string }> {
  try {
    const answer = await service.run(requestOf(sql), EVERYBODY, new AbortController().signal);
    const rows = readRows(answer.body.toString()).map((row) =>
      JSON.stringify(columns.map(({ name }) => settled(row[name]))),
    );
    const failed = answer.coverage.failed.map(({ tenant }) => tenant).join();
    return { rows: ordered ? rows : rows.sort(), failed };
  } catch (error) {
    if (error instanceof AppError) return { rows: [], failed: error.code };
    throw error;
  }
}

/** A fraction to nine digits: sums of floats depend on an order that nobody promises. Whole numbers keep every digit. */
function settled(value: unknown): unknown {
  return typeof value === "string" && /^#-?\d*\.\d+$|^#.*e/.test(value)
    ? Number(Number(value.slice(1)).toPrecision(9))
    : value;
}
