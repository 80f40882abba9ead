import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oneValue } from "./sample-table.ts";

type Nested = string | null | readonly Nested[];

/** As PostgreSQL's array_out writes it: quotes where needed, and sometimes where not, which array_in accepts too. */
function arrayLiteral(value: Nested, alwaysQuote: boolean): string {
  if (value === null) return "NULL";
  if (typeof value !== "string") return `{${value.map((element) => arrayLiteral(element, alwaysQuote)).join(",")}}`;
  const mustQuote = value === "" || /[\s{},"\\]/.test(value) || /^null$/i.test(value);
  return mustQuote || alwaysQuote ? `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : value;
}

describe("arrays in rows", () => {
  it.each([
    ["integer[]", "{}", []],
    ["integer[]", "[0:1]={1,2}", [1, 2]],
    [
      "integer[]",
      "{{1,2},{3,NULL}}",
      [
        [1, 2],
        [3, null],
      ],
    ],
    ["numeric[]", "{1.50,NaN}", [1.5, null]],
    ["text[]", '{"a b","NULL",NULL,"","x\\"y\\\\z","a,b","{"}', ["a b", "NULL", null, "", 'x"y\\z', "a,b", "{"]],
    ["boolean[]", "{t,f}", [true, false]],
    ["timestamp with time zone[]", '{"2026-11-22 08:00:00+00"}', [Date.UTC(2026, 10, 22, 8)]],
    ["jsonb[]", '{"{\\"a\\": [1, 2]}"}', [{ a: [1, 2] }]],
    ["box[]", "{(1,1),(0,0);(2,2),(1,1)}", ["(1,1),(0,0)", "(2,2),(1,1)"]],
  ])("%s %s", (type, text, expected) => {
    expect(oneValue("array", type, text, "rows")).toStrictEqual(expected);
  });

  it.each(["", "1 2 3", '{"open', "{1,2"])("gives text that is no array as a string: %s", (text) => {
    expect(oneValue("array", "text[]", text, "rows")).toBe(text);
  });

  it("reads back whatever PostgreSQL writes", () => {
    const element = fc.option(
      fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("NULL", "null", " ", "\\", '"', "{}", ",")),
    );
    const noNul = element.filter((text) => text === null || !text.includes("\0"));
    const nested = fc.oneof(
      fc.array(noNul, { minLength: 1 }),
      fc.array(fc.array(noNul, { minLength: 2, maxLength: 2 }), { minLength: 1 }),
    );
    fc.assert(
      fc.property(nested, fc.boolean(), (value, alwaysQuote) => {
        expect(oneValue("array", "text[]", arrayLiteral(value, alwaysQuote), "rows")).toStrictEqual(value);
      }),
    );
  });
});
