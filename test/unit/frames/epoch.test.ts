import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEpochMs, parseTimeMs } from "../../../src/frames/epoch.ts";

describe("parseTimeMs", () => {
  // The far ones are what PostgreSQL's extract(epoch from …) gives.
  it.each([
    ["2026-11-22 08:00:00+00", Date.UTC(2026, 10, 22, 8)],
    ["2026-11-22 08:00:00", Date.UTC(2026, 10, 22, 8)],
    ["2026-11-22", Date.UTC(2026, 10, 22)],
    ["2024-02-29", Date.UTC(2024, 1, 29)],
    ["2026-11-22 08:00:00.1", Date.UTC(2026, 10, 22, 8, 0, 0, 100)],
    ["2026-11-22 08:00:00.12+00", Date.UTC(2026, 10, 22, 8, 0, 0, 120)],
    ["2026-11-22 08:00:00.123999", Date.UTC(2026, 10, 22, 8, 0, 0, 123)],
    ["1969-12-31 23:59:59.999999+00", -1],
    ["2026-11-22 13:30:00.5+05:30", Date.UTC(2026, 10, 22, 8, 0, 0, 500)],
    ["2026-11-22 03:00:00-05", Date.UTC(2026, 10, 22, 8)],
    ["1890-01-01 00:53:28+00:53:28", Date.UTC(1890, 0, 1)],
    ["0001-01-01 00:00:00", -62_135_596_800_000],
    ["0044-03-15 01:02:03.5+00 BC", -63_517_820_276_500],
    ["4713-11-24 BC", -210_835_180_800_000],
    ["12026-11-22 00:00:00", 317_364_825_600_000],
    ["294276-12-31 00:00:00+00", 9_224_317_929_600_000],
    ["infinity", null],
    ["-infinity", null],
  ])("%s", (text, expected) => {
    expect(parseTimeMs(text)).toBe(expected);
  });

  it("agrees with Date for every instant of the years 1 to 9999", () => {
    const instants = fc
      .integer({ min: Date.UTC(1, 0, 1) - 1_000, max: Date.UTC(9999, 11, 31) })
      .filter((ms) => ms > -6.2e13);
    fc.assert(
      fc.property(instants, fc.constantFrom("", "+00"), fc.stringMatching(/^\d{0,3}$/), (ms, zone, micros) => {
        const text = new Date(ms).toISOString().replace("T", " ").replace("Z", "");
        expect(parseTimeMs(`${text}${micros}${zone}`)).toBe(ms);
      }),
    );
  });
});

describe("parseEpochMs", () => {
  it.each([
    ["1763805600", 1_763_805_600_000],
    ["1763805600.1239", 1_763_805_600_123],
    ["-1763805600", -1_763_805_600_000],
    ["1763805600123", 1_763_805_600_123],
    ["1763805600123000000", 1_763_805_600_123],
    ["-1763805600123000001", -1_763_805_600_124],
    ["1.763805600123e+18", 1_763_805_600_123],
    ["0", 0],
    ["999999999", 999_999_999],
    ["NaN", null],
    ["-Infinity", null],
  ])("%s", (text, expected) => {
    expect(parseEpochMs(text)).toBe(expected);
  });
});
