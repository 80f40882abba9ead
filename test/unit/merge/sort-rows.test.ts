import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderOf } from "../../../src/merge/compare-values.ts";
import { type RowOrder, sortByTimeAndTenant, sortRows } from "../../../src/merge/sort-rows.ts";
import type { ValueKind } from "../../../src/types.ts";
import { withSeed } from "../config/with-seed.ts";

const ASCENDING: RowOrder = { column: 0, descending: false, nullsFirst: false, needsPostgres: false };

function sorted(
  values: readonly (string | null)[],
  kind: ValueKind,
  order: Partial<RowOrder> = {},
): (string | null)[] | null {
  const rows = sortRows([values], [kind], [{ ...ASCENDING, ...order }]);
  return rows?.map((row) => values[row] ?? null) ?? null;
}

/** A decimal text as PostgreSQL would order it: whole numbers of any length, scaled to the same digits. */
function scaled(text: string): bigint {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole + fraction.padEnd(30, "0"));
  return text.startsWith("-") ? -value : value;
}

const decimal = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.option(fc.stringMatching(/^[0-9]{1,20}$/)))
  .map(([negative, whole, fraction]) => `${negative ? "-" : ""}${whole}${fraction === null ? "" : `.${fraction}`}`);

describe("numbers", () => {
  it("orders decimals of any length as exact arithmetic does", () => {
    withSeed(
      fc.property(fc.array(decimal, { maxLength: 20 }), (values) => {
        const result = sorted(values, "number") ?? [];
        for (let index = 1; index < result.length; index += 1)
          expect(scaled(result[index - 1] ?? "") <= scaled(result[index] ?? "")).toBe(true);
        expect([...result].sort()).toEqual([...values].sort());
      }),
    );
  });

  it("tells neighbours beyond 2^53 apart", () => {
    expect(
      sorted(["9007199254740993", "9007199254740992", "-9007199254740993", "-9007199254740992"], "number"),
    ).toEqual(["-9007199254740993", "-9007199254740992", "9007199254740992", "9007199254740993"]);
  });

  it("puts NaN after everything, infinity included", () => {
    const values = ["NaN", "Infinity", "1e300", "-Infinity", "0", "-1.5"];
    expect(sorted(values, "number")).toEqual(["-Infinity", "-1.5", "0", "1e300", "Infinity", "NaN"]);
    expect(sorted(values, "number", { descending: true })).toEqual([
      "NaN",
      "Infinity",
      "1e300",
      "0",
      "-1.5",
      "-Infinity",
    ]);
  });

  it("keeps the given order of equal values, -0 and 0.00 among them", () => {
    expect(sorted(["0.00", "-0", "0", "-1"], "number")).toEqual(["-1", "0.00", "-0", "0"]);
    expect(sorted(["1.50", "1.5", "1.500"], "number", { descending: true })).toEqual(["1.50", "1.5", "1.500"]);
  });
});

describe("nulls", () => {
  it.each([
    [false, false, ["1", "2", null, null]],
    [false, true, [null, null, "1", "2"]],
    [true, true, [null, null, "2", "1"]],
    [true, false, ["2", "1", null, null]],
  ])("descending %s, nulls first %s", (descending, nullsFirst, expected) => {
    expect(sorted([null, "2", "1", null], "number", { descending, nullsFirst })).toEqual(expected);
  });

  it("are no NaN", () => {
    expect(sorted(["NaN", null, "1"], "number")).toEqual(["1", "NaN", null]);
    expect(sorted(["NaN", null, "1"], "number", { nullsFirst: true })).toEqual([null, "1", "NaN"]);
  });
});

describe("times, booleans and text", () => {
  it("orders times by their text, infinities at the ends", () => {
    expect(
      sorted(
        ["infinity", "2026-01-01 00:00:00.5+00", "-infinity", "2026-01-01 00:00:00+00", "0001-01-01 00:00:00+00"],
        "time",
      ),
    ).toEqual([
      "-infinity",
      "0001-01-01 00:00:00+00",
      "2026-01-01 00:00:00+00",
      "2026-01-01 00:00:00.5+00",
      "infinity",
    ]);
  });

  it("leaves years that are not four digits long, and text, to PostgreSQL", () => {
    expect(orderOf(["10000-01-01 00:00:00+00"], "time")).toBeNull();
    expect(orderOf(["0044-03-15 00:00:00+00 BC"], "time")).toBeNull();
    expect(sorted(["b", "a"], "text")).toBeNull();
    expect(sorted(["[1]", "[2]"], "json")).toBeNull();
    expect(sorted(["2", "1"], "number", { needsPostgres: true })).toBeNull();
  });

  it("orders false before true", () => {
    expect(sorted(["t", "f", null], "boolean")).toEqual(["f", "t", null]);
  });
});

describe("several keys", () => {
  it("orders by the second where the first is equal, and is stable after the last", () => {
    const columns = [
      ["1", "2", "1", "2", "1"],
      ["b", "b", "a", "b", "a"],
      ["10", "9", "9", "10", "9"],
    ];
    const order = [ASCENDING, { ...ASCENDING, column: 2, descending: true }];
    expect(sortRows(columns, ["number", "text", "number"], order)).toEqual([0, 2, 4, 3, 1]);
  });
});

describe("without an order of the query", () => {
  it("goes by time, then tenant", () => {
    const time = ["2026-01-02 00:00:00+00", "2026-01-01 00:00:00+00", null, "2026-01-01 00:00:00+00"];
    const tenant = ["a", "b", "a", "a"];
    expect(sortByTimeAndTenant([time, tenant], ["time", "text"], 0, 1)).toEqual([3, 1, 0, 2]);
    expect(sortByTimeAndTenant([time, tenant], ["time", "text"], -1, 1)).toEqual([0, 2, 3, 1]);
    expect(sortByTimeAndTenant([time, tenant], ["time", "text"], -1, -1)).toEqual([0, 1, 2, 3]);
    expect(sortByTimeAndTenant([], [], -1, -1)).toEqual([]);
  });
});
