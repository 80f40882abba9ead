import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { parsePartialPolicy } from "../../../src/input/partial-policy.ts";
import { inferParams, type ParamDeclarations, readParams } from "../../../src/input/query-params.ts";
import { isTime, parseTime, readRange, snapRange } from "../../../src/input/time-input.ts";

const nowMs = Date.parse("2026-11-22T14:05:06.789Z"); // a Sunday
const iso = (input: unknown, edge: "from" | "to" = "from") =>
  new Date(parseTime(input, { name: "from", nowMs, edge })).toISOString();

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return "none";
}

describe("parseTime", () => {
  test.each([
    [1763820000000, "2025-11-22T14:00:00.000Z"],
    ["1763820000", "2025-11-22T14:00:00.000Z"],
    ["1763820000.5", "2025-11-22T14:00:00.500Z"],
    ["-1", "1969-12-31T23:59:59.000Z"],
    ["2026-11-22", "2026-11-22T00:00:00.000Z"],
    ["2026-11-22T08:00", "2026-11-22T08:00:00.000Z"],
    ["2026-11-22 08:00:01.1234567", "2026-11-22T08:00:01.123Z"],
    ["2026-11-22T08:00:00+02:00", "2026-11-22T06:00:00.000Z"],
    ["2026-11-22T08:00:00-0530", "2026-11-22T13:30:00.000Z"],
    ["now", "2026-11-22T14:05:06.789Z"],
    ["now-6h", "2026-11-22T08:05:06.789Z"],
    ["now/d", "2026-11-22T00:00:00.000Z"],
    ["now-1d/d", "2026-11-21T00:00:00.000Z"],
    ["now/w", "2026-11-16T00:00:00.000Z"],
    ["now-1M/M", "2026-10-01T00:00:00.000Z"],
    ["now/Q", "2026-10-01T00:00:00.000Z"],
    ["now/y+90m", "2026-01-01T01:30:00.000Z"],
    ["2026-03-31||-1M", "2026-02-28T00:00:00.000Z"],
  ])("%s is %s", (input, expected) => {
    expect(iso(input)).toBe(expected);
    expect(isTime(String(input))).toBe(true);
  });

  test("rounds the end of a range to the end of the unit", () => {
    expect(iso("now/d", "to")).toBe("2026-11-22T23:59:59.999Z");
    expect(iso("now-1M/M", "to")).toBe("2026-10-31T23:59:59.999Z");
  });

  test.each([
    "",
    "yesterday",
    "now-",
    "now-6",
    "now-6x",
    "2026-02-30",
    "2026-13-01",
    "99999999999999999999",
    "now-999999y",
    "2026-01-01||x",
    null,
    true,
    {},
    [1],
  ])("%j is refused", (input) => {
    expect(codeOf(() => iso(input))).toBe("REQUEST_INVALID");
    if (typeof input === "string") expect(isTime(input)).toBe(false);
  });
});

describe("readRange and snapRange", () => {
  test("nothing is the last stretch; a start alone ends now", () => {
    expect(readRange({ from: undefined, to: "" }, { nowMs, defaultMs: 60_000 })).toEqual({
      fromMs: nowMs - 60_000,
      toMs: nowMs,
    });
    expect(readRange({ from: "now-1h", to: null }, { nowMs, defaultMs: 1 })).toEqual({
      fromMs: nowMs - 3_600_000,
      toMs: nowMs,
    });
  });

  test("a range that runs backwards is refused", () => {
    expect(() => readRange({ from: "now", to: "now-1h" }, { nowMs, defaultMs: 1 })).toThrow(
      /from \(2026.*\) is after to/,
    );
  });

  test("snapping goes outward, to at least a second", () => {
    expect(snapRange({ fromMs: 61_999, toMs: 120_001 }, 60_000)).toEqual({ fromMs: 60_000, toMs: 180_000 });
    expect(snapRange({ fromMs: 1_500, toMs: 2_000 }, 20)).toEqual({ fromMs: 1_000, toMs: 2_000 });
  });
});

describe("parsePartialPolicy", () => {
  test.each([
    [undefined, "fail"],
    ["", "fail"],
    ["allow", "allow"],
    ["95%", { percent: 95 }],
    ["99.5 %", { percent: 99.5 }],
  ])("%j is %j", (input, expected) => {
    expect(parsePartialPolicy(input, "fail")).toEqual(expected);
  });
  test.each(["101%", "none", 95, {}, "-1%"])("%j is refused", (input) => {
    expect(codeOf(() => parsePartialPolicy(input))).toBe("REQUEST_INVALID");
  });
});

describe("readParams", () => {
  const declarations: ParamDeclarations = {
    limit: { type: "integer", default: 10 },
    plan: { type: "text", default: "pro", values: ["pro", "free"] },
    since: { type: "timestamp", default: "now-1h" },
    strict: { type: "boolean", default: false },
    ratio: { type: "number", default: 0.5 },
  };
  const read = (given: Record<string, unknown>) => readParams(new Map(Object.entries(given)), declarations, nowMs);

  test("types what is given and fills in the rest", () => {
    const values = read({ limit: "25", plan: "", strict: "true", ratio: "1e-3" });
    expect(Object.fromEntries([...values].map(([name, { value }]) => [name, value]))).toEqual({
      limit: 25,
      plan: "pro",
      since: "2026-11-22T13:05:06.789Z",
      strict: true,
      ratio: 0.001,
    });
    expect(values.get("since")?.type).toBe("timestamp");
  });

  test.each([
    { limit: "ten" },
    { limit: "9007199254740993" },
    { limit: 1.5 },
    { plan: "gold" },
    { strict: "maybe" },
    { since: "then" },
    { ratio: "NaN" },
    { limit: [1] },
  ])("%j is refused", (given) => {
    expect(codeOf(() => read(given))).toBe("PARAM_INVALID");
  });

  test("an unknown one is named with the known ones, a missing one with its type", () => {
    expect(() => read({ limt: 1 })).toThrow(
      expect.objectContaining({ hint: "declared: limit, plan, since, strict, ratio" }),
    );
    expect(() => read({ ["__proto__"]: 1, constructor: 1 })).toThrow(/not declared/);
    expect(() => readParams(new Map(), { id: { type: "integer" } }, nowMs)).toThrow(/"id" is missing/);
  });

  test("SQL of the request takes the types of the JSON values", () => {
    expect(
      inferParams(
        new Map<string, unknown>([
          ["a", 1],
          ["b", 1.5],
          ["c", "x"],
          ["d", true],
        ]),
      ),
    ).toEqual(
      new Map([
        ["a", { type: "integer", value: 1 }],
        ["b", { type: "number", value: 1.5 }],
        ["c", { type: "text", value: "x" }],
        ["d", { type: "boolean", value: true }],
      ]),
    );
  });
});

describe("whatever is sent", () => {
  const seed = Date.now() % 2 ** 31;
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^(now|2026-01-01\|\|)?[-+/0-9smhdwMQy]{0,12}$/),
    fc.anything(),
  );

  test(`a time is read or refused (seed ${seed})`, () => {
    fc.assert(
      fc.property(texts, fc.constantFrom("from" as const, "to" as const), (input, edge) => {
        const code = codeOf(() => expect(parseTime(input, { name: "from", nowMs, edge })).toSatisfy(Number.isFinite));
        expect(["none", "REQUEST_INVALID"]).toContain(code);
      }),
      { seed, numRuns: 2_000 },
    );
  });
});
