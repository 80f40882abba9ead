import { expect, test } from "vitest";
import { castNode, textConstant } from "../../../src/sql/ast.ts";
import { saysPresent, timeLiteralOf, untypedInstant } from "../../../src/sql/time-literal.ts";

const read = (type: string, text: string): string | null => {
  const literal = timeLiteralOf(castNode(textConstant(text), type));
  return literal === null ? null : untypedInstant(literal.utc);
};

test.each([
  ["timestamptz", "2026-01-01", "2026-01-01 00:00:00+00"],
  ["timestamptz", "2026-01-01 10:00", "2026-01-01 10:00:00+00"],
  ["timestamptz", "2026-01-01T10:00:00.000001+05:30", "2026-01-01 04:30:00.000001+00"],
  ["timestamptz", "2026-01-01 10:00:00-0830", "2026-01-01 18:30:00+00"],
  ["timestamptz", "2026-01-01 10:00:00Z", "2026-01-01 10:00:00+00"],
  ["timestamptz", "0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00 BC"],
  ["timestamptz", "-infinity", "-infinity"],
  ["pg_catalog.timestamp", "2026-01-01 10:00:00.5+02", "2026-01-01 10:00:00.5+00"],
  ["date", "0001-01-01", "0001-01-01 00:00:00+00"],
  ["date", "0044-03-15 BC", "0044-03-15 00:00:00+00 BC"],
])("%s '%s'", (type, text, expected) => {
  expect(read(type, text)).toBe(expected);
});

test.each([
  ["date", "2026-01-01 10:00"],
  ["date", "5000000-01-01"],
  ["timestamptz", "2026-02-31"],
  ["timestamptz", "2026-01-01 24:00"],
  ["timestamptz", "2026-01-01 10:00:60"],
  ["timestamptz", "2026-01-01 10:00 Europe/Berlin"],
  ["timestamptz", "0001-01-01 00:00+01"],
  ["timestamptz", "9999-12-31 23:30-01"],
  ["timestamptz", "0044-03-15 12:00:00+01 BC"],
  ["timestamptz", "0000-01-01"],
  ["timestamptz", "epoch"],
  ["timestamptz", "Infinity"],
  ["text", "2026-01-01"],
  ["other.timestamp", "2026-01-01"],
])("only PostgreSQL reads %s '%s'", (type, text) => {
  expect(read(type, text)).toBeNull();
});

test.each(["now", " Today 10:00", "10:00 tomorrow", "yesterday10:00"])("'%s' is of the present", (text) => {
  expect(saysPresent(text)).toBe(true);
});

test.each(["2026-01-01", "nowhere", "renown", "epoch", "infinity"])("'%s' is not", (text) => {
  expect(saysPresent(text)).toBe(false);
});
