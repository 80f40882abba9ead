import { z } from "zod";

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const [, amount, name = ""] = match ?? [];
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  return amount === undefined || unit === undefined ? undefined : Math.round(Number(amount) * unit);
}

/** Milliseconds of `250ms`, `10s`, `5m`, `1h`, `7d`; undefined when the text is none of these. */
export function parseDurationMs(text: string): number | undefined {
  return quantity(text, DURATION_UNITS_MS);
}

/** Bytes of `64KiB`, `256MiB`, `1GB`; undefined when the text is none of these. */
export function parseSizeBytes(text: string): number | undefined {
  return quantity(text, SIZE_UNITS_BYTES);
}

/** The shortest exact spelling of a duration: `90000` is `90s`, `3600000` is `1h`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const unit of ["d", "h", "m", "s"]) {
    const size = DURATION_UNITS_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** The shortest exact spelling of a size: `65536` is `64KiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const size = SIZE_UNITS_BYTES[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

type IssueSink = { addIssue(issue: { code: "custom"; message: string }): void };

function toMs(text: string, context: IssueSink): number {
  const ms = parseDurationMs(text);
  if (ms === undefined)
    context.addIssue({ code: "custom", message: 'write a number and ms, s, m, h or d, as in "10s"' });
  return ms ?? 0;
}

function toBytes(text: string, context: IssueSink): number {
  const bytes = parseSizeBytes(text);
  if (bytes === undefined)
    context.addIssue({ code: "custom", message: 'write a number and B, KiB, MiB or GiB, as in "64KiB"' });
  return bytes ?? 0;
}

/** A duration setting: text with a unit in, milliseconds out. */
export function duration(fallback: string) {
  return z.string().default(fallback).transform(toMs).meta({ unit: "duration" });
}

/** A duration setting that may be absent; another setting decides then. */
export function optionalDuration() {
  return z.string().transform(toMs).meta({ unit: "duration" }).optional();
}

/** A size setting: text with a unit in, bytes out. */
export function size(fallback: string) {
  return z.string().default(fallback).transform(toBytes).meta({ unit: "size" });
}
