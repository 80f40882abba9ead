const FIXED_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const MONTHS_OF_UNIT: Readonly<Record<string, number>> = { M: 1, Q: 3, y: 12 };
const STEP = /([+-])(\d{1,6})(ms|[smhdwMQy])|\/([smhdwMQy])/y;
const MONDAY_MS = 4 * 86_400_000; // 1970-01-05, the first Monday after the epoch

/**
 * Evaluates Grafana's date math (`-6h`, `-1d/d`, `/w`) on `anchorMs`, in UTC, weeks from Monday.
 * Rounding goes to the start of the unit for `from` and to its last millisecond for `to`, as in Grafana.
 * Null when the text is no date math.
 */
export function applyDateMath(steps: string, anchorMs: number, edge: "from" | "to"): number | null {
  let atMs = anchorMs;
  let at = 0;
  while (at < steps.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(steps);
    if (match === null) return null;
    at = STEP.lastIndex;
    const [, sign, count, unit = "", rounding] = match;
    if (rounding !== undefined) {
      const startMs = startOf(atMs, rounding);
      atMs = edge === "from" ? startMs : add(startMs, 1, rounding) - 1;
    } else {
      atMs = add(atMs, (sign === "-" ? -1 : 1) * Number(count), unit);
    }
  }
  return atMs;
}

function add(atMs: number, count: number, unit: string): number {
  const fixedMs = FIXED_UNITS_MS[unit];
  if (fixedMs !== undefined) return atMs + count * fixedMs;
  const date = new Date(atMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (MONTHS_OF_UNIT[unit] ?? 0));
  // 31 January and a month is the last of February, not the third of March.
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}

function startOf(atMs: number, unit: string): number {
  if (unit === "w") return Math.floor((atMs - MONDAY_MS) / 604_800_000) * 604_800_000 + MONDAY_MS;
  const fixedMs = FIXED_UNITS_MS[unit];
  if (fixedMs !== undefined) return Math.floor(atMs / fixedMs) * fixedMs;
  const date = new Date(atMs);
  const months = MONTHS_OF_UNIT[unit] ?? 1;
  return Date.UTC(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / months) * months, 1);
}
