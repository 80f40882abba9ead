import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from "../../../src/config/units.ts";
import { withSeed } from "./with-seed.ts";

describe("units", () => {
  it("reads the spellings of the reference", () => {
    expect(["250ms", "10s", "1.5m", "1h", "7d"].map(parseDurationMs)).toEqual([
      250, 10_000, 90_000, 3_600_000, 604_800_000,
    ]);
    expect(["1B", "64KiB", "1.5GiB", "1MB"].map(parseSizeBytes)).toEqual([1, 65_536, 1_610_612_736, 1_000_000]);
  });

  it("refuses numbers without a unit, unknown units and signs", () => {
    for (const text of ["10", "", "s", "10 parsecs", "-1s", "1e3s", "10S", "10constructor"]) {
      expect(parseDurationMs(text), text).toBeUndefined();
      expect(parseSizeBytes(text), text).toBeUndefined();
    }
  });

  it("round-trips", () => {
    withSeed(
      fc.property(fc.nat(), fc.constantFrom(1, 1_000, 60_000, 1_024, 1_024 ** 2), (count, factor) => {
        const amount = count * factor;
        expect(parseDurationMs(formatDuration(amount))).toBe(amount);
        expect(parseSizeBytes(formatSize(amount))).toBe(amount);
      }),
    );
  });
});
