import { expect, test } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { createFollowedFleet } from "../../../src/execute/followed-fleet.ts";
import type { Observation } from "../../../src/observation.ts";
import { sampleCatalog } from "../sql/sample-catalog.ts";

const config = configSchema.parse({ federation: { url: "postgres://localhost/federation", connectionBudget: 50 } });

/** A fleet that is followed by an executor of the test's own, on a server with these limits. */
function followed(limits: readonly Record<string, unknown>[] | Error) {
  const seen: Observation[] = [];
  const calls: { readonly tenants: readonly string[]; readonly sessions: number }[] = [];
  let finish = (): void => undefined;
  const fleet = createFollowedFleet({
    database: {
      query: async () => {
        if (limits instanceof Error) throw limits;
        return [...limits];
      },
      transaction: () => Promise.reject(new Error("nothing is changed here")),
      close: async () => undefined,
    },
    config,
    executor: {
      follow: ({ probes, sessions }) => {
        calls.push({ tenants: probes.map(({ tenant }) => tenant), sessions });
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    },
    observe: (observation) => seen.push(observation),
  });
  return { fleet, seen, calls, finish: () => finish() };
}

test("lanes are connected only when the executor says so", async () => {
  const { fleet, calls, finish } = followed([{ max: "100", reserved: "3", used: "1" }]);
  expect(fleet.connected()).toBe(false);
  fleet.follow(sampleCatalog());
  await expect.poll(() => calls.length).toBe(1);
  expect(fleet.connected()).toBe(false);
  finish();
  await fleet.settled();
  expect(fleet.connected()).toBe(true);
});

test("the budget is what the settings allow, or what the server has, which is said with what to raise", async () => {
  const enough = followed([{ max: "100", reserved: "3", used: "1" }]);
  enough.fleet.follow(sampleCatalog());
  await expect.poll(() => enough.calls[0]?.sessions).toBe(50);
  expect(enough.seen).toEqual([]);
  const scarce = followed([{ max: "40", reserved: "3", used: "8" }]);
  scarce.fleet.follow(sampleCatalog());
  await expect.poll(() => scarce.calls[0]?.sessions).toBe(25);
  expect(scarce.seen).toEqual([
    { kind: "advice", text: expect.stringContaining("25 sessions for Tenantry (max_connections = 40, 8 in use)") },
  ]);
});

test("a server that does not tell its limits is trusted with the budget", async () => {
  const { fleet, calls } = followed(new Error("no rights"));
  fleet.follow(sampleCatalog());
  await expect.poll(() => calls[0]?.sessions).toBe(50);
});
