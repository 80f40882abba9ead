/** PostgreSQL's text form of instants, as epoch milliseconds. Sessions pin DateStyle ISO and TimeZone UTC. */

const MS_PER_DAY = 86_400_000;
const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
/** Of `2026-11-22 08:00:00`. */
const SECONDS_LENGTH = 19;
const NANOSECONDS = /^-?[1-9]\d{18}$/;
const ANY_TIME =
  /^(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;

/**
 * Epoch milliseconds of a `timestamp` (read as UTC), `timestamptz` or `date` (its midnight UTC), fractions of a
 * millisecond floored. Null for `infinity` and `-infinity`.
 */
export function parseTimeMs(text: string): number | null {
  // Fixed positions, since a Date per value costs more than all the rest of a row: `2026-11-22[ 08:00:00[.123456][+00]]`.
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return parseUnusualTimeMs(text);
  const dayMs =
    daysFromCivil(twoDigits(text, 0) * 100 + twoDigits(text, 2), twoDigits(text, 5), twoDigits(text, 8)) * MS_PER_DAY;
  if (text.length === 10) return dayMs;
  const end = text.endsWith("+00") ? text.length - 3 : text.length;
  const fractionMs = end === 19 ? 0 : fractionOfSecondMs(text, end);
  if (fractionMs < 0) return parseUnusualTimeMs(text);
  return dayMs + ((twoDigits(text, 11) * 60 + twoDigits(text, 14)) * 60 + twoDigits(text, 17)) * 1000 + fractionMs;
}

/** Milliseconds of the digits after the dot at 19, or -1 when `end` is not the end of such digits. */
function fractionOfSecondMs(text: string, end: number): number {
  if (end <= 20 || text.charCodeAt(19) !== 46) return -1;
  let ms = 0;
  for (let index = 20; index < end; index += 1) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    if (index < 23) ms = ms * 10 + digit;
  }
  return end === 21 ? ms * 100 : end === 22 ? ms * 10 : ms;
}

/**
 * What `parseTimeMs` gives for the text in `bytes` from `start` to `end`, without making a string of it; NaN when it is not of the usual form
 * `2026-11-22 08:00:00[.123456][+00]`.
 */
export function usualTimeMs(bytes: Uint8Array, start: number, end: number): number {
  const zone = bytes[end - 3] === PLUS && bytes[end - 2] === ZERO && bytes[end - 1] === ZERO ? 3 : 0;
  const digitsEnd = end - zone;
  const length = digitsEnd - start;
  if (length < SECONDS_LENGTH || bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS) return Number.NaN;
  let ms = 0;
  if (length > SECONDS_LENGTH) {
    if (length < 21 || bytes[start + 19] !== DOT) return Number.NaN;
    for (let index = 20; index < length; index += 1) {
      const digit = (bytes[start + index] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return Number.NaN;
      if (index < 23) ms = ms * 10 + digit;
    }
    if (length === 21) ms *= 100;
    else if (length === 22) ms *= 10;
  }
  const year = byteDigits(bytes, start) * 100 + byteDigits(bytes, start + 2);
  const days = daysFromCivil(year, byteDigits(bytes, start + 5), byteDigits(bytes, start + 8));
  const minutes = byteDigits(bytes, start + 11) * 60 + byteDigits(bytes, start + 14);
  return days * MS_PER_DAY + (minutes * 60 + byteDigits(bytes, start + 17)) * 1000 + ms;
}

function byteDigits(bytes: Uint8Array, index: number): number {
  return ((bytes[index] ?? 0) - ZERO) * 10 + (bytes[index + 1] ?? 0) - ZERO;
}

/** Years before 1 and after 9999, and zones other than UTC. */
function parseUnusualTimeMs(text: string): number | null {
  const match = ANY_TIME.exec(text);
  if (match === null) return null;
  const [, year, month, day, hours, minutes, seconds, fraction, sign, zoneHours, zoneMinutes, zoneSeconds, bc] = match;
  const civilYear = bc === undefined ? Number(year) : 1 - Number(year);
  const zone = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * 60 + Number(zoneSeconds ?? 0);
  const clock = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0);
  const fractionMs = Number((fraction ?? "").slice(0, 3).padEnd(3, "0"));
  const secondsOfDay = sign === "-" ? clock + zone : clock - zone;
  return daysFromCivil(civilYear, Number(month), Number(day)) * MS_PER_DAY + secondsOfDay * 1000 + fractionMs;
}

/**
 * Epoch milliseconds of a number in a time column, by Grafana's rule: of the size of 1e9 it is seconds, of 1e18
 * nanoseconds, otherwise milliseconds. Null for NaN and the infinities.
 */
export function parseEpochMs(text: string): number | null {
  // A double is only good to 256 ns at this size, which could floor into the millisecond before.
  if (NANOSECONDS.test(text)) return flooredMillionth(BigInt(text));
  const value = Number(text);
  if (!Number.isFinite(value)) return null;
  const size = Math.abs(value);
  if (size >= 1e9 && size < 1e10) return Math.floor(value * 1000);
  return Math.floor(size >= 1e18 && size < 1e19 ? value / 1e6 : value);
}

function flooredMillionth(nanoseconds: bigint): number {
  const quotient = nanoseconds / 1_000_000n;
  return Number(nanoseconds < 0n && nanoseconds % 1_000_000n !== 0n ? quotient - 1n : quotient);
}

function twoDigits(text: string, index: number): number {
  return (text.charCodeAt(index) - ZERO) * 10 + text.charCodeAt(index + 1) - ZERO;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar, year 0 being 1 BC (Howard Hinnant's `days_from_civil`). */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
