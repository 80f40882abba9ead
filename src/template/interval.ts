const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
};

/**
 * Seconds of an interval as Grafana's `gtime.ParseInterval` reads it: Go durations (`500ms`, `1h30m`) and `d w M y`.
 * A month or a year is counted back from `nowMs`, in UTC. Undefined when the text is no interval.
 */
export function parseIntervalSeconds(text: string, nowMs: number): number | undefined {
  const calendar = /^(\d+)([My])$/.exec(text);
  if (calendar !== null) return calendarSeconds(Number(calendar[1]), calendar[2] === "M" ? 1 : 12, nowMs);
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    seconds += Number(amount) * (UNIT_SECONDS[unit ?? ""] ?? 0);
  }
  // Milliseconds are exact in tenths of a microsecond; the rounding removes 0.30000000000000004.
  return seconds > 0 ? Math.round(seconds * 1e6) / 1e6 : undefined;
}

function calendarSeconds(amount: number, months: number, nowMs: number): number | undefined {
  const then = new Date(nowMs);
  then.setUTCMonth(then.getUTCMonth() - amount * months);
  const seconds = Math.round((nowMs - then.getTime()) / 1000);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

const FORMAT_STEPS: readonly (readonly [number, string])[] = [
  [31_536_000_000, "y"],
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
  [1, "ms"],
];

/** The interval cut to one unit, as Grafana's `gtime.FormatInterval` writes it: 90,000 ms is `1m`. */
export function formatInterval(ms: number): string {
  for (const [size, unit] of FORMAT_STEPS) {
    if (ms >= size) return `${Math.floor(ms / size)}${unit}`;
  }
  return "1ms";
}
