import { expect, test } from "vitest";
import { questionOf } from "../../../src/execute/question-of.ts";

const NOW_MS = Date.parse("2026-06-01T12:00:00Z");
const ago = (ms: number, nowMs: number) => new Date(nowMs - ms).toISOString();

/** A panel that is asked at `nowMs` over the minutes before. */
function panel(minutes: number, nowMs: number): string {
  const [from, to] = [ago(minutes * 60_000, nowMs), ago(0, nowMs)];
  return questionOf(`SELECT sum(n) FROM t WHERE at BETWEEN '${from}'::timestamptz AND '${to}'::timestamptz`, nowMs);
}

test.each([5, 15, 30, 60, 180, 360, 720, 1_440, 2_880, 10_080, 43_200, 129_600])(
  "a panel over %i minutes is the same question a minute later, and another over twice as many",
  (minutes) => {
    const later = NOW_MS + 50_000;
    expect(panel(minutes, later)).toBe(panel(minutes, NOW_MS));
    expect(panel(2 * minutes, NOW_MS)).not.toBe(panel(minutes, NOW_MS));
    const since = (many: number) => questionOf(`SELECT 1 FROM t WHERE at > '${ago(many * 60_000, NOW_MS)}'`, NOW_MS);
    expect(since(2 * minutes)).not.toBe(since(minutes));
  },
);

test("epochs do not count, in whatever unit", () => {
  const sql = (from: number) => `SELECT 1 FROM t WHERE s >= ${from} AND ms >= ${from * 1_000}`;
  expect(questionOf(sql(1_780_000_060))).toBe(questionOf(sql(1_780_000_000)));
});

test.each([
  ["a value", "SELECT 1 FROM t WHERE kind = 'huge'", "SELECT 1 FROM t WHERE kind = 'tiny'"],
  ["a number", "SELECT 1 FROM t LIMIT 1000000", "SELECT 1 FROM t LIMIT 1"],
  ["a table", `SELECT 1 FROM "events-2024"`, `SELECT 1 FROM "events-2025"`],
  ["a name that looks like an epoch", `SELECT 1 FROM "e 1780000000"`, `SELECT 1 FROM "e 1780000060"`],
  [
    "a column between names with apostrophes",
    `SELECT 1 AS "a's", heavy(x) AS "b's" FROM t`,
    `SELECT 1 AS "a's", light(x) AS "b's" FROM t`,
  ],
  ["a text that is no time", "SELECT 1 FROM t WHERE d = '2026-99-99'", "SELECT 1 FROM t WHERE d = '2026-99-98'"],
])("%s that differs makes another question", (_, first, second) => {
  expect(questionOf(first)).toBe(questionOf(first));
  expect(questionOf(second)).not.toBe(questionOf(first));
});
