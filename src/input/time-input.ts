import { AppError } from "../errors.ts";
import type { TimeRange } from "../types.ts";
import { applyDateMath } from "./date-math.ts";
import { showInput } from "./show-input.ts";

/** Epochs below this are seconds: as milliseconds it would be March 1973, as seconds it is the year 5138. */
const FIRST_MILLISECOND_EPOCH = 1e11;
// With room for the widest snapping, so that every year keeps four digits in SQL.
const MIN_MS = Date.UTC(1001, 0, 1);
const MAX_MS = Date.UTC(9998, 0, 1);
const EPOCH = /^-?\d{1,16}(?:\.\d{1,9})?$/;
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;
const HINT =
  "write epoch milliseconds or seconds, ISO 8601 (2026-11-22T08:00:00Z) or Grafana's date math (now-6h, now/d)";

/**
 * Epoch milliseconds of epoch ms or s, ISO 8601 (UTC where it names no zone) or date math such as `now-1d/d`.
 * `edge` decides where date math rounds to. Throws REQUEST_INVALID with the parameter's name.
 */
export function parseTime(input: unknown, options: { name: string; nowMs: number; edge: "from" | "to" }): number {
  const text = typeof input === "number" ? String(input) : typeof input === "string" ? input.trim() : "";
  const ms = readTime(text, options);
  if (ms !== null && isInYears(ms)) return ms;
  throw new AppError("REQUEST_INVALID", `${options.name}: ${showInput(input)} is no time`, { hint: HINT });
}

/** True when `parseTime` reads the text, now. */
export function isTime(text: string): boolean {
  const ms = readTime(text.trim(), { nowMs: Date.now(), edge: "from" });
  return ms !== null && isInYears(ms);
}

// False for NaN too.
function isInYears(ms: number): boolean {
  return ms >= MIN_MS && ms <= MAX_MS;
}

function readTime(text: string, { nowMs, edge }: { nowMs: number; edge: "from" | "to" }): number | null {
  if (EPOCH.test(text)) {
    const value = Number(text);
    return Math.round(Math.abs(value) < FIRST_MILLISECOND_EPOCH ? value * 1000 : value);
  }
  if (text.startsWith("now")) return applyDateMath(text.slice(3), nowMs, edge);
  const [iso = "", steps, ...rest] = text.split("||");
  const anchorMs = readIso(iso);
  return anchorMs === null || rest.length > 0 ? null : applyDateMath(steps ?? "", anchorMs, edge);
}

function readIso(text: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] = match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const ms = Date.parse(`${local}.${fraction.slice(0, 3).padEnd(3, "0")}Z`);
  // Date.parse makes 2 March of 30 February; a date that does not come back is no date.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(local)) return null;
  return ms - zoneOffsetMs(zone);
}

function zoneOffsetMs(zone: string): number {
  if (zone.toUpperCase() === "Z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || "0");
  return (zone.startsWith("-") ? -1 : 1) * minutes * 60_000;
}

/**
 * The range that `from` and `to` name; an absent end is now, an absent start `defaultMs` before the end.
 * Throws REQUEST_INVALID when an end cannot be read or the range runs backwards.
 */
export function readRange(
  input: { from: unknown; to: unknown },
  options: { nowMs: number; defaultMs: number },
): TimeRange {
  const { nowMs, defaultMs } = options;
  const toMs = isAbsent(input.to) ? nowMs : parseTime(input.to, { name: "to", nowMs, edge: "to" });
  const fromMs = isAbsent(input.from) ? toMs - defaultMs : parseTime(input.from, { name: "from", nowMs, edge: "from" });
  if (fromMs > toMs) {
    const backwards = `from (${new Date(fromMs).toISOString()}) is after to (${new Date(toMs).toISOString()})`;
    throw new AppError("REQUEST_INVALID", backwards, { hint: "swap from and to" });
  }
  return { fromMs, toMs };
}

function isAbsent(input: unknown): boolean {
  return input === undefined || input === null || input === "";
}

/** The range, widened to whole steps of the larger of `intervalMs` and 1 s, so that refreshes a moment apart ask the same. */
export function snapRange(range: TimeRange, intervalMs: number): TimeRange {
  const stepMs = Math.max(intervalMs, 1_000);
  return {
    fromMs: Math.floor(range.fromMs / stepMs) * stepMs,
    toMs: Math.ceil(range.toMs / stepMs) * stepMs,
  };
}
