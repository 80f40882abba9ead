import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapConcurrently } from "../../../src/tenants/bounded-concurrency.ts";

test("keeps the order of the items and never runs more than the limit", async () => {
  let running = 0;
  let most = 0;
  const results = await mapConcurrently([30, 5, 1, 20, 3], 2, async (ms) => {
    running += 1;
    most = Math.max(most, running);
    await sleep(ms);
    running -= 1;
    return ms * 2;
  });
  expect(results).toEqual([60, 10, 2, 40, 6]);
  expect(most).toBe(2);
  expect(await mapConcurrently([], 4, async () => 1)).toEqual([]);
});
