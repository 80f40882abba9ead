import fc from "fast-check";
import { expect, test } from "vitest";
import { createLaneAssignment, groupByLane, type LaneAssignment } from "../../../src/execute/assign-tenants.ts";
import { costMs, laneCount, MAX_TENANTS_PER_LANE } from "../../../src/execute/lane-count.ts";

const auto = { lanes: "auto", groups: 3, connectionBudget: 400 } as const;
const SESSIONS = 10_000;
const names = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);

function sharesOf(assignment: LaneAssignment, tenants: readonly string[]): readonly number[] {
  const items = tenants.map((tenant) => ({ tenant }));
  return [...groupByLane(items, assignment).values()].map((share) => share.length);
}

test("a tenant keeps its lane, shares stay even and below the limit, in whatever order tenants come", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 600 }),
      fc.constantFrom("auto" as const, 1, 7),
      (tenants, lanes) => {
        const assignment = createLaneAssignment({ ...auto, lanes });
        const first = tenants.map((tenant) => assignment.laneOf(tenant));
        expect(tenants.toReversed().map((tenant) => assignment.laneOf(tenant))).toEqual(first.toReversed());
        const shares = sharesOf(assignment, tenants);
        expect(Math.max(...shares)).toBeLessThanOrEqual(MAX_TENANTS_PER_LANE);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(tenants.length);
        if (lanes !== 1) expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      },
    ),
    { verbose: true },
  );
});

test("whatever the fleet and its distance become, every tenant has a lane that exists, shares fit, and who left is told", () => {
  const fleets = fc.array(
    fc.record({
      tenants: fc.uniqueArray(fc.nat(120), { minLength: 1, maxLength: 80 }),
      roundTripMs: fc.option(fc.double({ min: 0, max: 50, noNaN: true })),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(fleets, (steps) => {
      const assignment = createLaneAssignment(auto);
      let before = new Map<string, number>();
      for (const { tenants: numbers, roundTripMs } of steps) {
        const tenants = numbers.map((number) => `t${number}`);
        const [lanesBefore, left] = [assignment.lanes(), assignment.fit({ tenants, roundTripMs, sessions: SESSIONS })];
        const after = new Map(tenants.map((tenant) => [tenant, assignment.laneOf(tenant)]));
        for (const lane of after.values()) expect(lane).toBeLessThan(assignment.lanes());
        for (const [tenant, lane] of before) if (after.get(tenant) !== lane) expect(left).toContain(lane);
        const shares = sharesOf(assignment, tenants);
        if (assignment.lanes() !== lanesBefore)
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        const fleet = { tenants: tenants.length, roundTripMs };
        expect(costMs(assignment.lanes(), fleet)).toBeLessThanOrEqual(1.34 * costMs(laneCount(fleet, auto), fleet));
        before = after;
      }
    }),
    { verbose: true },
  );
});

test("a newcomer moves nobody and has a lane of its own where all have; lanes are added where that is worth it", () => {
  const assignment = createLaneAssignment(auto);
  const fitTo = (tenants: readonly string[]) => assignment.fit({ tenants, roundTripMs: 10, sessions: SESSIONS });
  const lanesOf = (tenants: readonly string[]) => tenants.map((tenant) => assignment.laneOf(tenant));
  fitTo(names(60));
  expect(assignment.lanes()).toBe(60);
  const first = lanesOf(names(60));
  expect(fitTo(names(61))).toEqual([]);
  expect([assignment.lanes(), lanesOf(names(60))]).toEqual([61, first]);
  // 53 ms instead of 46.
  expect(fitTo(names(120))).toEqual([]);
  expect([assignment.lanes(), lanesOf(names(60))]).toEqual([61, first]);
  // 73 ms instead of 47.
  expect(fitTo(names(123))).toHaveLength(59);
  expect([assignment.lanes(), lanesOf(names(60))]).toEqual([123, first]);
});

test("a fleet that outgrows the budget keeps its lanes", () => {
  const assignment = createLaneAssignment(auto);
  const fitTo = (tenants: readonly string[]) => assignment.fit({ tenants, roundTripMs: 10, sessions: SESSIONS });
  fitTo(names(125));
  expect(fitTo(names(126))).toEqual([]);
  expect(assignment.lanes()).toBe(125);
});

test("a server with few sessions gets few lanes", () => {
  const assignment = createLaneAssignment(auto);
  assignment.fit({ tenants: names(100), roundTripMs: 10, sessions: 83 });
  expect(assignment.lanes()).toBe(20);
});

test("lanes that are too many for a near fleet give their tenants to the others", () => {
  const assignment = createLaneAssignment(auto);
  const tenants = names(80);
  assignment.fit({ tenants, roundTripMs: 10, sessions: SESSIONS });
  expect(assignment.lanes()).toBe(80);
  const left = assignment.fit({ tenants, roundTripMs: 0.1, sessions: SESSIONS });
  expect(assignment.lanes()).toBe(8);
  expect(left).toHaveLength(72);
  const stayed = tenants.slice(0, 8).map((tenant) => assignment.laneOf(tenant));
  expect(stayed).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
