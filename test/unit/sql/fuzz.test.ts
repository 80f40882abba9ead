import { afterAll, beforeAll, expect, test } from "vitest";
import { createParser } from "../../../src/sql/parser.ts";
import { createRandom, huge, mutate, nest, noise, type Random, readCorpus } from "../../support/fuzz-inputs.ts";
import { checkInput } from "./fuzz-check.ts";
import { sampleCatalog } from "./sample-catalog.ts";

// FUZZ_SECONDS for longer runs, FUZZ_SEED to see one again.

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 15);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 32);
/** An input that takes longer is stuck; the fastest of several tries counts, since a machine may be busy. */
const SLOW_MS = 1_000;

const catalog = sampleCatalog();
let replaced = 0;
const parser = createParser({
  observe: ({ kind }) => {
    if (kind === "parser.replaced") replaced += 1;
  },
});
let corpus: readonly string[] = [];
/** Those of the corpus that pass: most of what is made of them is SQL. */
let passing: readonly string[] = [];

beforeAll(async () => {
  corpus = await readCorpus();
  const outcomes = await Promise.all(corpus.map((text) => checkInput(text, catalog, parser)));
  passing = corpus.filter((_, index) => outcomes[index]?.outcome === "accepted");
});
afterAll(() => parser.close());

function pick(random: Random): string {
  const texts = random(4) === 0 ? corpus : passing;
  return texts[random(texts.length)] ?? "";
}

/** Mutated and combined templates, now and then noise, and rarely something huge. */
function inputOf(random: Random): string {
  const choice = random(100);
  if (choice < 2) return huge(random);
  if (choice < 10) return noise(random);
  const text = choice < 45 ? nest(pick(random), pick(random), random) : pick(random);
  return choice < 20 ? text : mutate(text, pick(random), random);
}

async function fastestOf(tries: number, input: string): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let count = 0; count < tries; count += 1) {
    const start = performance.now();
    await checkInput(input, catalog, parser);
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}

test(
  `whatever is sent, what comes out is one SELECT over the tenant's own relations, or an error of the catalogue (seed ${SEED})`,
  async () => {
    const random = createRandom(SEED);
    const counts = new Map<string, number>();
    let touching = 0;
    const end = Date.now() + SECONDS * 1_000;
    let inputs = 0;
    for (; Date.now() < end; inputs += 1) {
      const input = inputOf(random);
      const start = performance.now();
      const { outcome, touchesTenant, fault } = await checkInput(input, catalog, parser);
      if (fault !== null)
        throw new Error(`seed ${SEED}, input ${inputs}: ${fault}\n${JSON.stringify(input.slice(0, 2_000))}`);
      if (performance.now() - start > SLOW_MS) {
        const fastestMs = await fastestOf(3, input);
        expect(fastestMs, `seed ${SEED}, input ${inputs}: ${JSON.stringify(input.slice(0, 2_000))}`).toBeLessThan(
          SLOW_MS,
        );
      }
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (touchesTenant) touching += 1;
    }
    const accepted = counts.get("accepted") ?? 0;
    const listed = [...counts].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `${count} ${outcome}`);
    console.info(
      `fuzz: seed ${SEED}, ${inputs} inputs: ${listed.join(", ")}; ${touching} touch a tenant; parser replaced ${replaced} times`,
    );
    expect(accepted).toBeGreaterThan(0);
    expect(touching).toBeGreaterThanOrEqual(accepted * 0.05);
  },
  (SECONDS + 60) * 1_000,
);
