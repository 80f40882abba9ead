import { describe, expect, it } from "vitest";
import type { ValueKind } from "../../../src/types.ts";
import { bodyOf, column, oneValue, tableOf } from "./sample-table.ts";

const NOON = Date.UTC(2026, 10, 22, 12);

/** Kind, type, wire text, then the value in rows, table and frame. The wire texts were printed by PostgreSQL 15. */
const VALUES: readonly (readonly [ValueKind, string, string | null, unknown, unknown, unknown])[] = [
  ["number", "integer", "-7", -7, -7, -7],
  ["number", "double precision", "-0", -0, -0, -0],
  ["number", "double precision", "1e+20", 1e20, 1e20, 1e20],
  ["number", "real", "1e-07", 1e-7, 1e-7, 1e-7],
  ["number", "numeric", "0.00001", 0.00001, 0.00001, 0.00001],
  ["number", "numeric", "NaN", null, null, null],
  ["number", "double precision", "Infinity", null, null, null],
  ["number", "double precision", "-Infinity", null, null, null],
  ["number", "bigint", "9007199254740991", 9007199254740991, 9007199254740991, 9007199254740991],
  ["number", "bigint", "9007199254740993", 9007199254740992, 9007199254740992, "9007199254740993"],
  ["number", "numeric", "-12345678901234567890", -12345678901234567000, -12345678901234567000, "-12345678901234567890"],
  ["number", "integer", null, null, null, null],
  ["time", "timestamp with time zone", "2026-11-22 12:00:00+00", NOON, NOON, NOON],
  ["time", "timestamp without time zone", "2026-11-22 12:00:00.0009", NOON, NOON, NOON],
  ["time", "date", "2026-11-22", NOON - 43_200_000, NOON - 43_200_000, NOON - 43_200_000],
  ["time", "timestamp with time zone", "infinity", null, null, null],
  ["epoch", "bigint", String(NOON / 1000), NOON, NOON, NOON],
  ["boolean", "boolean", "t", true, true, true],
  ["boolean", "boolean", "f", false, false, false],
  ["boolean", "boolean", null, null, null, null],
  ["json", "jsonb", '{"a": [1, null]}', { a: [1, null] }, '{"a": [1, null]}', '{"a": [1, null]}'],
  ["json", "json", '{"a":\n 1}', { a: 1 }, '{"a":\n 1}', '{"a":\n 1}'],
  ["json", "jsonb", "null", null, "null", "null"],
  ["array", "integer[]", "{1,2,NULL}", [1, 2, null], "{1,2,NULL}", "{1,2,NULL}"],
  ["text", "text", 'quote " back \\ line\n tab\t \u0001 é 😀', ...thrice('quote " back \\ line\n tab\t \u0001 é 😀')],
  ["text", "text", "\ud800 alone", ...thrice("\ud800 alone")],
  ["text", "text", "", ...thrice("")],
  ["text", "bytea", "\\x00ff", ...thrice("\\x00ff")],
];

function thrice(text: string): readonly [string, string, string] {
  return [text, text, text];
}

describe("values", () => {
  it.each(VALUES)("%s %s %s", (kind, type, text, rows, table, frame) => {
    expect(oneValue(kind, type, text, "rows")).toStrictEqual(rows);
    expect(oneValue(kind, type, text, "table")).toStrictEqual(table);
    expect(oneValue(kind, type, text, "frame")).toStrictEqual(frame);
  });

  it("keeps all digits of numbers in rows, table, csv and ndjson", () => {
    const digits = "12345678901234567890.123456789012345678900";
    const table = tableOf([column("v", "number", "numeric")], [[digits]]);
    expect(bodyOf(table, "rows")).toBe(`[{"v":${digits}}]`);
    expect(bodyOf(table, "table")).toContain(`"rows":[[${digits}]]`);
    expect(bodyOf(table, "csv")).toBe(`v\r\n${digits}\r\n`);
    expect(bodyOf(table, "ndjson").split("\n")[0]).toBe(`{"v":${digits}}`);
  });

  it("sends integers beyond 2^53 as strings in timeserie", () => {
    const table = tableOf(
      [column("time", "epoch"), column("v", "number", "bigint")],
      [["1763805600", "9007199254740993"]],
    );
    expect(JSON.parse(bodyOf(table, "timeserie"))[0].datapoints).toEqual([["9007199254740993", 1_763_805_600_000]]);
  });

  it("keeps a row of ndjson on one line whatever the json value looks like", () => {
    const table = tableOf([column("v", "json", "json")], [['{\r\n"a":\n 1}']]);
    expect(bodyOf(table, "ndjson").trimEnd().split("\n")).toHaveLength(2);
  });
});
