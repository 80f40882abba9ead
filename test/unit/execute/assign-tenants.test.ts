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

test.each([auto, { ...auto, lanes: 16 }, { ...auto, connectionBudget: 53 }])(
  "whatever the fleet and its distance become, it is asked about as fast as one that is fitted anew, and who lost a tenant is told: %j",
  (options) => {
    const fleets = fc.array(
      fc.record({
        tenants: fc.uniqueArray(fc.nat(120), { maxLength: 80 }),
        roundTripMs: fc.option(fc.double({ min: 0, max: 50, noNaN: true })),
        // A request may ask a newcomer before the lanes are fitted to it.
        asked: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(fleets, (steps) => {
        const assignment = createLaneAssignment(options);
        let before = new Map<string, number>();
        for (const { tenants: numbers, roundTripMs, asked } of steps) {
          const tenants = numbers.map((number) => `t${number}`);
          if (asked) for (const tenant of tenants) before.set(tenant, assignment.laneOf(tenant));
          const left = assignment.fit({ tenants, roundTripMs, sessions: SESSIONS });
          const after = new Map(tenants.map((tenant) => [tenant, assignment.laneOf(tenant)]));
          for (const [tenant, lane] of before) if (after.get(tenant) !== lane) expect(left).toContain(lane);
          const shares = sharesOf(assignment, tenants);
          expect(shares.length).toBe(assignment.lanes());
          const costOf = (lanes: number, fullest: number) => costMs({ lanes, fullest, roundTripMs });
          const anew = laneCount({ tenants: tenants.length, roundTripMs }, options);
          const best = costOf(anew, Math.ceil(tenants.length / anew));
          expect(costOf(shares.length, Math.max(0, ...shares))).toBeLessThanOrEqual(1.34 * best);
          expect(shares.length).toBeGreaterThanOrEqual(Math.min(8, anew, tenants.length));
          expect(shares.length).toBeLessThanOrEqual(laneCount({ tenants: 500, roundTripMs: 100 }, options));
          if (options.lanes !== "auto") expect(shares.length).toBe(Math.min(anew, tenants.length));
          before = after;
        }
      }),
      { verbose: true },
    );
  },
);

test("newcomers move nobody, and have lanes of their own where all have", () => {
  const assignment = createLaneAssignment(auto);
  const fitTo = (tenants: readonly string[]) => assignment.fit({ tenants, roundTripMs: 10, sessions: SESSIONS });
  const lanesOf = (tenants: readonly string[]) => tenants.map((tenant) => assignment.laneOf(tenant));
  fitTo(names(60));
  const first = lanesOf(names(60));
  for (const grown of [61, 95, 125]) {
    expect(fitTo(names(grown))).toEqual([]);
    expect([assignment.lanes(), lanesOf(names(60))]).toEqual([grown, first]);
  }
  // One more than the budget has lanes for would make everybody wait for two: half as many lanes do that, too.
  expect(fitTo(names(126))).toHaveLength(62);
  expect(assignment.lanes()).toBe(63);
});

test("a fleet that begins with nobody has as many lanes as one that was there from the start", () => {
  for (const roundTripMs of [null, 0.05]) {
    const assignment = createLaneAssignment(auto);
    for (const grown of [0, 1, 4, 13, 60]) assignment.fit({ tenants: names(grown), roundTripMs, sessions: SESSIONS });
    expect(assignment.lanes()).toBeGreaterThanOrEqual(8);
  }
});

test("who leaves moves nobody, unless the others share lanes while more lanes are empty", () => {
  const assignment = createLaneAssignment(auto);
  const fitTo = (tenants: readonly string[]) => assignment.fit({ tenants, roundTripMs: 40, sessions: SESSIONS });
  const tenants = names(250);
  fitTo(tenants);
  expect(assignment.lanes()).toBe(125);
  const left = assignment.laneOf("t0");
  expect(fitTo(tenants.slice(1))).toEqual([left]);
  const half = tenants.filter((tenant) => assignment.laneOf(tenant) < 60);
  fitTo(half);
  expect([assignment.lanes(), Math.max(...sharesOf(assignment, half))]).toEqual([half.length, 1]);
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
  expect(assignment.lanes()).toBe(10);
  expect(left).toHaveLength(70);
  const stayed = tenants.slice(0, 10).map((tenant) => assignment.laneOf(tenant));
  expect(stayed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
