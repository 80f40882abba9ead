import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { readInterval } from "../../../src/protocols/interval-input.ts";
import { parseRepeatedTenants, parseTenantList } from "../../../src/protocols/tenant-list.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return "none";
}

describe("readInterval", () => {
  const range = { fromMs: 0, toMs: 3_600_000 };
  const read = (intervalMs: unknown, maxDataPoints?: unknown) =>
    readInterval({ intervalMs, maxDataPoints }, { range, defaultMs: 60_000 });
  test("the interval itself, else from the points, else the default", () => {
    expect(read("20000", 1)).toBe(20_000);
    expect(read(undefined, 1000)).toBe(5_000);
    expect(read("", "1")).toBe(3_600_000);
    expect(read(undefined)).toBe(60_000);
  });
  test.each([0, -1, "1m", "$__interval_ms", Number.NaN, 1e20, {}])("%j is refused", (input) => {
    expect(codeOf(() => read(input))).toBe("REQUEST_INVALID");
  });
});

describe("parseTenantList", () => {
  test.each<[unknown, readonly string[] | null]>([
    ["a,b", ["a", "b"]],
    ["{a,b}", ["a", "b"]],
    ["(a|b)", ["a", "b"]],
    ["(acme\\.corp|b\\|c|d)", ["acme.corp", "b|c", "d"]],
    ["acme\\.corp", ["acme.corp"]],
    ['["a","b,c"]', ["a", "b,c"]],
    [
      ["a", "b", "a"],
      ["a", "b"],
    ],
    [7, ["7"]],
    [" a , ,b ", ["a", "b"]],
    ["", null],
    [undefined, null],
    [null, null],
    [[], null],
    ["[]", null],
    ["*", null],
    ["$__all", null],
    ["{$__all}", null],
    ["(\\$__all)", null],
    [["a", "*"], null],
  ])("%j is %j", (input, expected) => {
    expect(parseTenantList(input)).toEqual(expected);
  });

  test("repeated parameters add up", () => {
    expect(parseRepeatedTenants(["a,b", "(c|d)", ""])).toEqual(["a", "b", "c", "d"]);
    expect(parseRepeatedTenants([])).toBeNull();
  });

  test.each(['["a"', { a: 1 }, [["a"]], true])("%j is refused", (input) => {
    expect(codeOf(() => parseTenantList(input))).toBe("REQUEST_INVALID");
  });
});

describe("whatever is sent", () => {
  const seed = Date.now() % 2 ** 31;
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[()[\]{}|,\\"a*$.]{0,20}$/), fc.anything());

  test(`a tenant list is read or refused, and a JSON array keeps its names (seed ${seed})`, () => {
    fc.assert(
      fc.property(texts, (input) => {
        expect(["none", "REQUEST_INVALID"]).toContain(codeOf(() => parseTenantList(input)));
      }),
      { seed, numRuns: 2_000 },
    );
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9,.|(){}\\-]{1,12}$/), { minLength: 1 });
    fc.assert(
      fc.property(names, (list) => {
        expect(parseTenantList(JSON.stringify(list))).toEqual(list);
        const escaped = list.map((name) => name.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&"));
        expect(parseTenantList(`(${escaped.join("|")})`)).toEqual(list);
      }),
      { seed, numRuns: 500 },
    );
  });
});
