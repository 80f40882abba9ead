import { testAgainstTenants } from "../support/differential/differential-test.ts";

testAgainstTenants({
  seed: Number(process.env.SEED ?? Date.now() % 2 ** 31),
  cases: Number(process.env.CASES ?? 1_000),
});
