import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createLaneAssignment,
  groupByLane,
  laneCount,
  MAX_TENANTS_PER_LANE,
} from "../../../src/execute/assign-tenants.ts";

const auto = { lanes: "auto", groups: 3, connectionBudget: 400 } as const;

test("auto takes 16 lanes, fewer for small fleets, more above 250 tenants each", () => {
  expect([1, 5, 16, 81, 4_000, 4_001, 10_000].map((tenants) => laneCount(tenants, auto))).toEqual([
    1, 5, 16, 16, 16, 17, 40,
  ]);
});

test("a number is taken as it is, within the connection budget", () => {
  expect(laneCount(1_000, { ...auto, lanes: 64 })).toBe(64);
  expect(laneCount(1_000, { ...auto, lanes: 512 })).toBe(128);
  expect(laneCount(3, { ...auto, lanes: 64 })).toBe(3);
});

test("a budget that is too small does not make a lane too large", () => {
  expect(laneCount(1_000, { ...auto, connectionBudget: 2 })).toBe(4);
});

test("a tenant keeps its lane, shares stay even and below the limit, in whatever order tenants come", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 600 }),
      fc.constantFrom("auto" as const, 1, 7),
      (tenants, lanes) => {
        const assignment = createLaneAssignment({ ...auto, lanes });
        const first = tenants.map((tenant) => assignment.laneOf(tenant));
        expect(tenants.toReversed().map((tenant) => assignment.laneOf(tenant))).toEqual(first.toReversed());
        const shares = [
          ...groupByLane(
            tenants.map((tenant) => ({ tenant })),
            assignment,
          ).values(),
        ].map((share) => share.length);
        expect(Math.max(...shares)).toBeLessThanOrEqual(MAX_TENANTS_PER_LANE);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(tenants.length);
        if (lanes !== 1) expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      },
    ),
    { verbose: true },
  );
});
