import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import type { FleetApp } from "../app.ts";
import { type DirectFleet, directAnswer } from "./direct-answer.ts";
import { type Case, checkCases } from "./fleet-sets.ts";
import { productRows } from "./product-answer.ts";

const PROGRESS_EVERY = 5_000;

/**
 * Defines the test that random templates over random fleets give what asking every tenant's database by itself gives, brought together in
 * plain SQL. Prints its seed, and its progress.
 */
export function testAgainstTenants({ seed, cases }: { readonly seed: number; readonly cases: number }): void {
  test(`templates mean what asking each tenant gives, seed ${seed}`, { timeout: 120_000 + 200 * cases }, async () => {
    console.log(`SEED=${seed} CASES=${cases}`);
    const startedAtMs = Date.now();
    let compared = 0;
    const onProgress = (done: number) => {
      if (done % PROGRESS_EVERY === 0 || done === cases)
        console.log(`${done} of ${cases} cases, ${Math.round((done * 1000) / (Date.now() - startedAtMs))} a second`);
    };
    // Two lanes bring rows of several statements together; more would only cost time.
    const app = { federation: { lanes: 2 } };
    await checkCases({ seed, cases, app, onProgress }, async (fleet, direct) => ({
      check: async (one) => {
        if (await agrees(one, fleet, direct)) compared += 1;
      },
    }));
    // Most templates can be answered by some tenant; were all refused, nothing would have been compared.
    expect(compared).toBeGreaterThan(cases * 0.6);
  });
}

/** What the language refuses though each tenant could answer it. */
const REFUSED = [{ code: "TEMPLATE_DRIFT", sql: /NATURAL JOIN/ }] as const;

function isRefused(code: string, sql: string): boolean {
  return REFUSED.some((refusal) => refusal.code === code && refusal.sql.test(sql));
}

/** False when no tenant can answer, which the product must say as well. */
async function agrees({ template, sql }: Case, fleet: FleetApp, direct: DirectFleet): Promise<boolean> {
  const expected = await directAnswer(template, direct, { narrows: false });
  const asked = await fleet.ask(sql).catch((error: unknown) => {
    if (error instanceof AppError) return error;
    throw error;
  });
  if (expected.refusal !== null) {
    expect([asked instanceof AppError && asked.code, asked instanceof AppError && asked.message]).toEqual([
      "QUERY_FAILED",
      expected.refusal,
    ]);
    return true;
  }
  if (asked instanceof AppError) {
    if (isRefused(asked.code, sql)) return false;
    if (expected.rows === null && asked.code === "QUERY_FAILED") return false;
    // Tenants that WHERE lets through and that all lack what the block names: nobody is left to answer.
    if (template.narrows !== null && asked.code === "TENANT_FAILED" && expected.failed.length > 0) return false;
    throw new Error(`${asked.code}: ${asked.message}`, { cause: asked });
  }
  const failed = asked.answer.coverage.failed.map(({ tenant }) => tenant);
  // A tenant that lacks something is out of the whole answer, unless WHERE drops its rows where it is lacking: then it need not be asked.
  const narrows = template.narrows !== null && expected.failed.length > failed.length;
  const fitting = narrows ? await directAnswer(template, direct, { narrows }) : expected;
  expect(failed).toEqual([...fitting.failed].sort());
  const rows = productRows(asked.text, template, fitting.types) ?? [];
  expect(inOrder(rows, template.ordered)).toEqual(inOrder(fitting.rows ?? [], template.ordered));
  return true;
}

function inOrder(rows: readonly (readonly (string | null)[])[], ordered: boolean): readonly string[] {
  const texts = rows.map((row) => JSON.stringify(row));
  return ordered ? texts : texts.sort();
}
