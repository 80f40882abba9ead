import { parseDurationMs } from "../config/units.ts";
import { AppError } from "../errors.ts";
import { showInput } from "../input/show-input.ts";

/** The caller's own deadline in milliseconds: a duration such as `5s`, or a number of seconds; never more than the settings allow. Throws REQUEST_INVALID. */
export function readTimeout(input: unknown, limitMs: number): number {
  if (input === undefined || input === null || input === "") return limitMs;
  const text = String(input).trim();
  const timeoutMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : parseDurationMs(text);
  if (timeoutMs !== undefined && timeoutMs > 0) return Math.min(timeoutMs, limitMs);
  throw new AppError("REQUEST_INVALID", `timeout: ${showInput(input)} is no duration`, {
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
