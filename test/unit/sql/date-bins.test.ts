import { expect, test } from "vitest";
import { callNode, columnNode, textConstant } from "../../../src/sql/ast.ts";
import { dateBin } from "../../../src/sql/date-bins.ts";
import { print } from "../../../src/sql/deparse.ts";

function binOf(unit: string): string | undefined {
  const node = callNode("date_trunc", textConstant(unit), columnNode("at"));
  const bin = dateBin(node, () => new Set(["timestamp with time zone"]));
  return bin && print({ targetList: [{ ResTarget: { val: bin } }], limitOption: "LIMIT_OPTION_DEFAULT" });
}

test.each([
  ["hour", "SELECT date_bin('1 hour', at, '0001-01-01')"],
  ["WEEK", "SELECT date_bin('7 days', at, '0001-01-01')"],
])("%s is a bin", (unit, expected) => {
  expect(binOf(unit)).toBe(expected);
});

test.each(["month", "decade", "constructor", "__proto__", ""])("%j is none", (unit) => {
  expect(binOf(unit)).toBeUndefined();
});
