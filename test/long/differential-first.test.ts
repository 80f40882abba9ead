import { testAgainstTenants } from "../support/differential/differential-test.ts";

// One process keeps one core busy, so the long run is two halves with seeds of their own.
testAgainstTenants({
  seed: Number(process.env.SEED ?? Date.now() % 2 ** 30) + 0 * 2 ** 30,
  cases: Number(process.env.CASES ?? 100_000) / 2,
});
