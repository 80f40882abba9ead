import type { ValueKind } from "../types.ts";
import type { ColumnValues } from "./column-values.ts";

/** Compares the values of two rows of a column, nulls aside. */
export type CompareRows = (left: number, right: number) => number;

// Years before 1 end in BC and count backwards.
const PLAIN_TIME = /^\d{4}-.*(?<!BC)$/;
// Up to 15 digits a double holds any decimal number exactly enough to order it.
const EXACT_DIGITS = 15;

/**
 * PostgreSQL's order of a column's values, where it depends on nothing but their text; null where only PostgreSQL knows it (text has
 * collations) or where the values are unusual (years before 1 or after 9999).
 */
export function orderOf(values: ColumnValues, kind: ValueKind): CompareRows | null {
  switch (kind) {
    case "number":
    case "epoch":
      return orderOfNumbers(values);
    case "time": {
      if (!values.every((value) => value === null || PLAIN_TIME.test(value) || value.endsWith("infinity"))) return null;
      // ISO texts order as their times do; the infinities are moved to where they belong.
      const keys = values.map((value) => (value === "infinity" ? "~" : value === "-infinity" ? "!" : (value ?? "")));
      return (left, right) => compareText(keys[left] ?? "", keys[right] ?? "");
    }
    case "boolean":
      return (left, right) => compareText(values[left] ?? "", values[right] ?? "");
    default:
      return null;
  }
}

/** By code units: for tenants' names where the query asks for no order. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function orderOfNumbers(values: ColumnValues): CompareRows {
  // PostgreSQL puts NaN after everything, infinity included.
  const keys = Float64Array.from(values, (value) => (value === null || value === "NaN" ? Number.NaN : Number(value)));
  return (left, right) => {
    const a = keys[left] ?? Number.NaN;
    const b = keys[right] ?? Number.NaN;
    if (a < b) return -1;
    if (a > b) return 1;
    if (a === b) return compareExactly(values[left] ?? "", values[right] ?? "");
    return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  };
}

/** Decimal texts that are equal as doubles, digit by digit. */
function compareExactly(left: string, right: string): number {
  if (left === right || (left.length <= EXACT_DIGITS && right.length <= EXACT_DIGITS)) return 0;
  if (/[eE]|Infinity/.test(left + right)) return 0;
  const negative = left.startsWith("-");
  const [a, b] = [digits(left), digits(right)];
  const whole = Math.max(a.whole.length, b.whole.length);
  const fraction = Math.max(a.fraction.length, b.fraction.length);
  const order = compareText(
    a.whole.padStart(whole, "0") + a.fraction.padEnd(fraction, "0"),
    b.whole.padStart(whole, "0") + b.fraction.padEnd(fraction, "0"),
  );
  return negative ? -order : order;
}

function digits(text: string): { whole: string; fraction: string } {
  const [whole = "", fraction = ""] = text.replace(/^-/, "").split(".");
  return { whole, fraction };
}
