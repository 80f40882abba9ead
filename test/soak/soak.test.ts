import { expect, test } from "vitest";
import { checkFault, FAULTS, SCOPES, type Scope } from "../support/faults/faults.ts";
import { expectConnectedLanes, expectFewConnections, withFaultyFleet } from "../support/faults/faulty-fleet.ts";

// One program, and one fault after the other for as long as is asked for: memory and connections stay where they are.

const MINUTES = Number(process.env.SOAK_MINUTES ?? 10);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** Until everything was used once: code is compiled, pools are full, caches have what they hold. */
const WARM_UP_SHARE = 0.25;
const MAX_GROWTH_MIB = 64;
const scopes: readonly Scope[] = ["one", "some", "all"];

test(`faults at random for ${MINUTES} minutes, seed ${SEED}`, { timeout: MINUTES * 60_000 + 300_000 }, () =>
  withFaultyFleet(async (fleet) => {
    let state = SEED;
    // A linear congruential generator: the seed repeats the run.
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    const startedAtMs = performance.now();
    const share = (): number => (performance.now() - startedAtMs) / (MINUTES * 60_000);
    let warmMiB: number | null = null;
    let checked = 0;
    while (share() < 1) {
      const fault = FAULTS[random(FAULTS.length)];
      const scope = scopes[random(scopes.length)];
      if (fault === undefined || scope === undefined) throw new Error("no such row");
      await checkFault(fleet, fault, scope);
      await expectFewConnections(fleet);
      // A link that is slow next would make connecting take longer than a tenant has.
      await expectConnectedLanes(fleet);
      checked += 1;
      const usedMiB = process.memoryUsage().rss / 2 ** 20;
      if (warmMiB === null && share() > WARM_UP_SHARE) warmMiB = usedMiB;
      console.log(`${checked}: ${fault.name}, ${scope} (${SCOPES[scope].length} tenants); ${usedMiB.toFixed(0)} MiB`);
    }
    expect(checked).toBeGreaterThan(MINUTES);
    expect(process.memoryUsage().rss / 2 ** 20 - (warmMiB ?? 0)).toBeLessThan(MAX_GROWTH_MIB);
  }),
);
