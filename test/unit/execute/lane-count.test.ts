import fc from "fast-check";
import { expect, test } from "vitest";
import { costMs, laneCount } from "../../../src/execute/lane-count.ts";

const auto = { lanes: "auto", groups: 3, connectionBudget: 3_000 } as const;
const count = (tenants: number, roundTripMs: number | null, options = auto) =>
  laneCount({ tenants, roundTripMs }, options);

test("auto takes few lanes where tenants are near, and up to one for each where they are far", () => {
  expect([0, 0.1, 0.5, 1, 5, 10, 40].map((roundTripMs) => count(80, roundTripMs))).toEqual([8, 10, 20, 27, 40, 80, 80]);
  expect([1, 10, 40].map((roundTripMs) => count(1_000, roundTripMs))).toEqual([77, 200, 334]);
});

test("no lane has a tenant more than the others for want of a lane or two, and none is there that makes no lane smaller", () => {
  expect([100, 120].map((tenants) => count(tenants, 10))).toEqual([100, 120]);
  expect(laneCount({ tenants: 300, roundTripMs: 40 }, { ...auto, groups: 2, connectionBudget: 400 })).toBe(150);
});

test("no other number of lanes within the budget costs less", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 600 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.integer({ min: 200, max: 2_000 }),
      (tenants, roundTripMs, connectionBudget) => {
        const fleet = { tenants, roundTripMs };
        const options = { ...auto, connectionBudget };
        const most = laneCount(fleet, { ...options, lanes: tenants });
        const costOf = (lanes: number) => costMs({ lanes, fullest: Math.ceil(tenants / lanes), roundTripMs });
        const costs = Array.from({ length: most }, (_, index) => costOf(index + 1)).slice(Math.min(8, most) - 1);
        expect(costOf(laneCount(fleet, options))).toBeCloseTo(Math.min(...costs), 6);
      },
    ),
    { verbose: true },
  );
});

test("while the way is not known tenants are taken for neighbours; there are fewer lanes for small fleets, more above 250 tenants each", () => {
  const within = { ...auto, connectionBudget: 100 };
  expect([1, 5, 16, 81, 4_000, 10_000].map((tenants) => count(tenants, null))).toEqual([1, 5, 8, 21, 103, 154]);
  expect([5_000, 7_500].map((tenants) => laneCount({ tenants, roundTripMs: null }, within))).toEqual([25, 30]);
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
