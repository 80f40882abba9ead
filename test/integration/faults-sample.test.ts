import { expect, test } from "vitest";
import { checkFault, FAULTS, SCOPES, type Scope } from "../support/faults/faults.ts";
import { withFaultyFleet } from "../support/faults/faulty-fleet.ts";

// A few rows of the matrix of faults, and one at random: `npm run test:faults` has all.

const SAMPLE: readonly (readonly [string, Scope])[] = [
  ["refuses connections", "some"],
  ["accepts and never answers", "one"],
  ["drops in mid-answer", "all"],
];

test.each(SAMPLE)("%s: %s", (name, scope) => {
  const fault = FAULTS.find((candidate) => candidate.name === name);
  if (fault === undefined) throw new Error(`no fault ${name}`);
  return withFaultyFleet((fleet) => checkFault(fleet, fault, scope));
});

test("one row at random", async () => {
  const seed = Number(process.env.SEED ?? Date.now());
  const scopes: readonly string[] = Object.keys(SCOPES);
  const fault = FAULTS[seed % FAULTS.length];
  const scope = scopes[Math.floor(seed / FAULTS.length) % scopes.length];
  console.log(`SEED=${seed}: ${fault?.name}, ${scope}`);
  expect(scope === "one" || scope === "some" || scope === "all").toBe(true);
  if (fault === undefined || (scope !== "one" && scope !== "some" && scope !== "all")) throw new Error("no such row");
  await withFaultyFleet((fleet) => checkFault(fleet, fault, scope));
});
