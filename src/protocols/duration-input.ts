import { parseDurationMs } from "../config/units.ts";
import { AppError } from "../errors.ts";
import { showInput } from "../input/show-input.ts";

/** The caller's own deadline in milliseconds, never more than the settings allow. Throws REQUEST_INVALID. */
export function readTimeout(input: unknown, limitMs: number): number {
  const timeoutMs = readDuration("timeout", input);
  return timeoutMs === null ? limitMs : Math.min(timeoutMs, limitMs);
}

/** How old the last good rows of a tenant that fails may be, in milliseconds. Throws REQUEST_INVALID. */
export function readStale(input: unknown, defaultMs: number): number {
  return readDuration("stale", input) ?? defaultMs;
}

/** A duration such as `5s`, or a number of seconds; null for nothing. */
function readDuration(name: string, input: unknown): number | null {
  if (input === undefined || input === null || input === "") return null;
  const text = String(input).trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new AppError("REQUEST_INVALID", `${name}: ${showInput(input)} is no duration`, {
    hint: "write a duration such as 5s or 500ms, or a number of seconds",
  });
}

/** Kept back from what a scrape may take, for the way to Prometheus and back. */
const SCRAPE_RESERVE_MS = 500;

/** What a scrape may take, by the header that Prometheus sends; null when there is none that can be read. */
export function readScrapeTimeout(header: string): number | null {
  const timeoutMs = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) * 1_000 : 0;
  return timeoutMs > 0 ? Math.max(timeoutMs - SCRAPE_RESERVE_MS, timeoutMs / 2) : null;
}
