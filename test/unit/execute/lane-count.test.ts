import { expect, test } from "vitest";
import { laneCount } from "../../../src/execute/lane-count.ts";

const auto = { lanes: "auto", groups: 3, connectionBudget: 3_000 } as const;
const count = (tenants: number, roundTripMs: number | null, options = auto) =>
  laneCount({ tenants, roundTripMs }, options);

test("auto takes few lanes where tenants are near, and up to one for each where they are far", () => {
  expect([0, 0.1, 0.5, 1, 5, 10, 40].map((roundTripMs) => count(80, roundTripMs))).toEqual([8, 9, 19, 27, 60, 80, 80]);
  expect([1, 10, 40].map((roundTripMs) => count(1_000, roundTripMs))).toEqual([95, 302, 603]);
});

test("auto takes 16 lanes while the way is not known, fewer for small fleets, more above 250 tenants each", () => {
  expect([1, 5, 16, 81, 4_000, 4_001, 10_000].map((tenants) => count(tenants, null))).toEqual([
    1, 5, 16, 16, 16, 17, 40,
  ]);
});

test("a number is taken as it is, within the connection budget", () => {
  const budget = { ...auto, connectionBudget: 400 };
  expect(laneCount({ tenants: 1_000, roundTripMs: 40 }, { ...budget, lanes: 64 })).toBe(64);
  expect(laneCount({ tenants: 1_000, roundTripMs: 0 }, { ...budget, lanes: 512 })).toBe(125);
  expect(laneCount({ tenants: 3, roundTripMs: null }, { ...budget, lanes: 64 })).toBe(3);
});

test("a budget that is too small does not make a lane too large", () => {
  expect(laneCount({ tenants: 1_000, roundTripMs: null }, { ...auto, connectionBudget: 2 })).toBe(4);
});
