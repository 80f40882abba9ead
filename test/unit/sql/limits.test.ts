import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Observation } from "../../../src/observation.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { compileSample } from "./compile-sample.ts";
import { sampleCatalog } from "./sample-catalog.ts";

// Texts that would be dear to read, as long as an operator's `limits.sqlBytes` may let them be.

const observed: Observation[] = [];
const parser = createParser({ observe: (observation) => observed.push(observation) });
const compile = (sql: string) => compileSample(sql, sampleCatalog(), parser);
beforeEach(() => {
  observed.length = 0;
});
afterAll(() => parser.close());

const MEGABYTE = 1_000_000;
const FROM = " FROM $<tenant>_orders";
/** WITH queries of which each reads the one before twice. */
const doubling = (count: number, first = "SELECT * FROM $<tenant>_orders") =>
  Array.from({ length: count }, (_, index) =>
    index === 0
      ? `c0 AS (${first})`
      : `c${index} AS (SELECT a.* FROM c${index - 1} a JOIN c${index - 1} b USING (tenant))`,
  ).join(", ");

describe("refused before the parser reads them", () => {
  test.each([
    ["terms", `SELECT 1${"+1".repeat(MEGABYTE / 2)}${FROM}`, "the SQL has more than 4000 tokens"],
    [
      "parentheses",
      `SELECT ${"(".repeat(MEGABYTE / 2)}1${")".repeat(MEGABYTE / 2)}${FROM}`,
      "the SQL has more than 4000 tokens",
    ],
    [
      "macros",
      `SELECT ${"$__timeFilter(".repeat(MEGABYTE / 14)}${FROM}`,
      "the SQL has more than 1000 placeholders and macros",
    ],
    ["literals without an end", `SELECT '${"x'".repeat(MEGABYTE / 2)}`, "the SQL has more than 4000 tokens"],
    [
      "placeholders in one literal",
      `SELECT '${"$<tenant>".repeat(MEGABYTE / 9)}'${FROM}`,
      "the SQL has more than 1000 placeholders and macros",
    ],
    [
      "macros with placeholders",
      `SELECT ${"$__interval_ms, ".repeat(1_200)}1${FROM}`,
      "the SQL has more than 1000 placeholders and macros",
    ],
  ])("%s", async (_, sql, message) => {
    await expect(compile(sql)).rejects.toMatchObject({ code: "QUERY_FORBIDDEN", message, position: { line: 1 } });
    expect(observed).toEqual([]);
  });

  test("selectors", async () => {
    const many = Array.from({ length: 17 }, (_, index) => `'$<tenant:t${index}>'`).join(", ");
    await expect(compile(`SELECT ${many}${FROM}`)).rejects.toMatchObject({ code: "TEMPLATE_SELECTOR" });
  });
});

describe("WITH queries that read each other over and over", () => {
  test.each([
    ["side by side", `WITH ${doubling(100)} SELECT t.row_of FROM c99 t`],
    [
      "one inside the other",
      `WITH ${doubling(10, `WITH ${doubling(10).replaceAll(/\bc(\d)/g, "d$1")} SELECT * FROM d9`)} SELECT t.row_of FROM c9 t`,
    ],
  ])("are refused: %s", async (_, sql) => {
    await expect(compile(sql)).rejects.toMatchObject({
      code: "QUERY_FORBIDDEN",
      message: expect.stringMatching(/^the WITH query c\d+ reads others over and over$/),
    });
  });

  test("pass while they are few", async () => {
    const { blocks } = await compile(`WITH ${doubling(8)} SELECT t.status FROM c7 t`);
    expect(blocks).toHaveLength(1);
  });
});

test("long texts of few tokens are read", async () => {
  for (const sql of [
    `SELECT 1 /*${"x".repeat(MEGABYTE)}*/${FROM}`,
    `SELECT 1 ${"/**/".repeat(MEGABYTE / 4)}${FROM}`,
    `SELECT length('${"x".repeat(MEGABYTE)}')${FROM}`,
  ])
    expect((await compile(sql)).blocks).toHaveLength(1);
});

test("a hundred and fifty SELECTs are read, and one more is refused where it stands", async () => {
  const union = (sides: number) =>
    Array.from({ length: sides }, (_, index) => `SELECT ${index} AS i FROM $<tenant>_orders`).join("\nUNION ALL\n");
  expect((await compile(union(150))).blocks.length).toBeGreaterThan(0);
  await expect(compile(union(151))).rejects.toMatchObject({
    code: "QUERY_FORBIDDEN",
    message: "the query has more than 150 SELECTs",
    position: { line: 301 },
  });
});

test("a hundred SELECTs one inside the other are read once each", async () => {
  const sql = Array.from({ length: 100 }).reduce<string>(
    (inside, _, index) => `SELECT id FROM (${inside}) t${index}`,
    "SELECT id FROM $<tenant>_orders",
  );
  const startedMs = Date.now();
  expect((await compile(sql)).blocks).toHaveLength(1);
  expect(Date.now() - startedMs).toBeLessThan(2_000);
});
