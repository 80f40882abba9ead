import { AppError } from "../errors.ts";
import { showInput } from "../input/show-input.ts";
import type { TimeRange } from "../types.ts";

const LONGEST_INTERVAL_MS = 366 * 86_400_000;
// The steps that a person would choose for an axis, ascending; Grafana rounds to nearly the same.
const STEPS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 20, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 5, 10, 15, 20, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600_000),
  ...[1, 2, 7, 30, 90].map((days) => days * 86_400_000),
];

/**
 * The interval in whole milliseconds: `intervalMs` as given, else one that gives at most `maxDataPoints` points over the
 * range, else the default. Throws REQUEST_INVALID.
 */
export function readInterval(
  input: { intervalMs: unknown; maxDataPoints: unknown },
  options: { range: TimeRange; defaultMs: number },
): number {
  const given = readCount("intervalMs", input.intervalMs, LONGEST_INTERVAL_MS);
  if (given !== null) return given;
  const points = readCount("maxDataPoints", input.maxDataPoints, 1e9);
  if (points === null) return Math.max(1, options.defaultMs);
  const widthMs = (options.range.toMs - options.range.fromMs) / points;
  return STEPS_MS.find((stepMs) => stepMs >= widthMs) ?? LONGEST_INTERVAL_MS;
}

function readCount(name: string, input: unknown, largest: number): number | null {
  if (input === undefined || input === null || input === "") return null;
  const value =
    typeof input === "number" || (typeof input === "string" && /^\d+(\.\d+)?$/.test(input.trim()))
      ? Number(input)
      : Number.NaN;
  const whole = Math.round(value);
  if (whole >= 1 && whole <= largest) return whole;
  throw new AppError("REQUEST_INVALID", `${name}: ${showInput(input)} is not a number between 1 and ${largest}`, {
    hint: name === "intervalMs" ? "in Grafana write $__interval_ms without quotes" : undefined,
  });
}
