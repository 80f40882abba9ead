import { describe, expect, it } from "vitest";
import { formatInterval, parseIntervalSeconds } from "../../../src/template/interval.ts";

const NOW = Date.UTC(2026, 2, 31, 12);

describe("parseIntervalSeconds", () => {
  it.each([
    ["500ms", 0.5],
    ["30s", 30],
    ["5m", 300],
    ["1h30m", 5_400],
    ["1.5h", 5_400],
    ["2d", 172_800],
    ["1w", 604_800],
    ["100ms200ms", 0.3],
    // Counted back from 31 March: there is no 31 February, so Go's and JavaScript's dates meet on 3 March.
    ["1M", 28 * 86_400],
    ["1y", 365 * 86_400],
    ["3y", 1_096 * 86_400],
  ])("%s", (text, seconds) => {
    expect(parseIntervalSeconds(text, NOW)).toBe(seconds);
  });

  it.each(["", "5", "m", "5x", "-5m", "0s", "0ms", "1h 30m", " 5m", "5M3s", "1e3s", "∞s", `${"9".repeat(20)}y`])(
    "refuses %s",
    (text) => {
      expect(parseIntervalSeconds(text, NOW)).toBeUndefined();
    },
  );
});

describe("formatInterval", () => {
  it.each([
    [0, "1ms"],
    [1, "1ms"],
    [999, "999ms"],
    [1_000, "1s"],
    [90_000, "1m"],
    [3_599_999, "59m"],
    [129_600_000, "1d"],
    [31_536_000_000, "1y"],
  ])("%d ms", (ms, text) => {
    expect(formatInterval(ms)).toBe(text);
  });
});
