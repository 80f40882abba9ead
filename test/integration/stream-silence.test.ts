import { expect, test } from "vitest";
import { createDelayProxy } from "../../src/demo/delay-proxy.ts";
import type { Observation } from "../../src/observation.ts";
import { withFleet } from "../support/app.ts";
import { withTenants } from "../support/postgres.ts";

const NAMES = Array.from({ length: 24 }, (_, index) => `t${index}`);
const DDL = "create table e (id int); create view slow as select 1 as id from pg_sleep(30)";

/** The address of the server that has the tests' tenants. */
async function serverOf(): Promise<{ targetHost: string; targetPort: number }> {
  let url = new URL("postgres://unknown");
  await withTenants(["address"], { ddl: "select 1" }, async ({ tenants: [tenant] }) => {
    url = new URL(tenant?.url ?? url);
  });
  return { targetHost: url.hostname, targetPort: Number(url.port || 5432) };
}

test("many tenants that are slow with one streamed question at once are down for nobody", async () => {
  const proxy = await createDelayProxy({ ...(await serverOf()), delayMs: 10 });
  const seen: Observation[] = [];
  try {
    await withFleet(
      NAMES,
      {
        ddl: DDL,
        federation: { lanes: NAMES.length, remoteOptions: "off" },
        config: { limits: { tenantDeadline: "2s", deadline: "20s" } },
        urlOf: ({ url }) => Object.assign(new URL(url), { hostname: "127.0.0.1", port: String(proxy.port) }).href,
        observe: (observation) => seen.push(observation),
      },
      async ({ url }) => {
        const ask = (sql: string, format: string) =>
          fetch(`${url}/v1/query`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ sql, format }),
          });
        await expect.poll(async () => (await fetch(`${url}/readyz`)).ok, { timeout: 20_000 }).toBe(true);
        const slow = await (await ask("select id from $<tenant>_slow", "ndjson")).text();
        expect(slow).toContain("24 of 24 tenants failed");
        expect(seen.filter(({ kind }) => kind === "tenant.state")).toEqual([]);
        const others = await ask("select count(*) from $<tenant>_e", "rows");
        expect([others.status, others.headers.get("x-tenants-failed")]).toEqual([200, "0"]);
      },
    );
  } finally {
    await proxy.close();
  }
}, 60_000);
