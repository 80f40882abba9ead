import fc from "fast-check";
import { loadModule, parseSync } from "libpg-query";
import { expect, test } from "vitest";
import { createTimeMark, liftTimes } from "../../../src/sql/lift-times.ts";

const MARK = "1234567890";

test("texts that differ in times alone are one text", () => {
  const text = (from: string, to: string) =>
    `SELECT * FROM t WHERE at >= '${from}' AND at < CAST('${to}' AS timestamptz)`;
  const lifted = liftTimes(text("2026-01-01T10:00:00Z", "2026-01-01 10:05:00.125+00"), MARK);
  expect(lifted.text).toBe(text("1234-00-00T56:78:90Z", "1234-00-01 56:78:90.000+00"));
  expect(liftTimes(text("1999-12-31T23:59:59Z", "2031-07-08 01:02:03.999+00"), MARK).text).toBe(lifted.text);
  expect(lifted.restore(JSON.stringify(lifted.text))).toBe(
    JSON.stringify(text("2026-01-01T10:00:00Z", "2026-01-01 10:05:00.125+00")),
  );
});

test.each([
  "SELECT 1",
  "SELECT date '2026-01-01'",
  "SELECT '2026-01-01T10:00:00+02'",
  "SELECT 2026-01-01",
  "SELECT 'at 2026-01-01T10:00:00Z'",
])("leaves %s as it is", (sql) => {
  const lifted = liftTimes(sql, MARK);
  expect(lifted.text).toBe(sql);
  expect(lifted.restore("anything 1234-00-00T56:78:90Z")).toBe("anything 1234-00-00T56:78:90Z");
});

test("leaves a text of more times than there are numbers for as it is", () => {
  const sql = `SELECT ${Array.from({ length: 10_001 }, () => "'2026-01-01T10:00:00Z'").join()}`;
  expect(liftTimes(sql, MARK).text).toBe(sql);
});

test("a mark has ten digits", () => {
  for (let round = 0; round < 100; round += 1) expect(createTimeMark()).toMatch(/^[1-9]\d{9}$/);
});

/** What stands around a time: all that could make its digits something else than the inside of a literal. */
const PIECE = fc.oneof(
  fc
    .date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString().replace(/\.\d+Z$/, "Z")),
  fc.constantFrom(
    "2026-01-01 10:00:00.5+00",
    "2026-01-01T10:00:00.000001Z",
    "2026-01-01T10:00:00",
    "0000-00-00T00:00:00Z",
  ),
  fc.constantFrom(
    "'",
    "''",
    '"',
    "E'",
    "U&'",
    "\\",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "\n",
    " ",
    ",",
    "SELECT ",
    " AS ",
    "::text",
    "é",
    "2026",
    "0",
    "N'",
  ),
);

test("the tree of the lifted text, with its times put back, is the tree of the text", async () => {
  await loadModule();
  const treeOf = (sql: string): string | null => {
    try {
      return JSON.stringify(parseSync(sql));
    } catch {
      return null;
    }
  };
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.info(`seed ${seed}`);
  let read = 0;
  fc.assert(
    fc.property(fc.array(PIECE, { maxLength: 12 }), (pieces) => {
      for (const sql of [
        `SELECT '${pieces.join("")}'`,
        `SELECT ${pieces.map((piece) => `'${piece}'`).join()}`,
        pieces.join(""),
      ]) {
        const lifted = liftTimes(sql, createTimeMark());
        const made = treeOf(lifted.text);
        expect(made === null ? null : lifted.restore(made)).toBe(treeOf(sql));
        if (made !== null && lifted.text !== sql) read += 1;
      }
    }),
    { numRuns: 2_000, seed },
  );
  // Most of what is thrown together is no SQL; what is must be enough to tell.
  expect(read).toBeGreaterThan(200);
});
