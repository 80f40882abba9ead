import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase } from "../../src/postgres/database.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";
import { type DemoProcess, startDemo } from "../support/grafana/demo-process.ts";

// A tenant's database is dropped under the running program: every reader of the fleet hears of it, and nobody loses the others.

const COUNT = "SELECT count(*) AS n FROM $<tenant>_orders";
let demo: DemoProcess;

beforeAll(async () => {
  demo = await startDemo({ tenants: 5 });
});

afterAll(async () => {
  await demo?.close();
});

async function drop(tenant: string): Promise<void> {
  // Through the tenant that stays: a database cannot be dropped from inside.
  const url = demo.ready.tenants.at(-1)?.url ?? "";
  const owner = createDatabase({ url, applicationName: "tenantry-test", maxConnections: 1, connectTimeoutMs: 5_000 });
  try {
    await owner.query(`DROP DATABASE ${quoteIdentifier(tenant)} WITH (FORCE)`);
  } finally {
    await owner.close();
  }
}

const get = (path: string) => fetch(demo.ready.url + path);
const query = (more: string) => get(`/v1/query?sql=${encodeURIComponent(`${COUNT} /* ${Math.random()} */`)}${more}`);

async function metric(line: RegExp): Promise<string | undefined> {
  return (await (await get("/metrics")).text()).match(line)?.[0];
}

test("a dropped tenant is named everywhere, and the others answer", async () => {
  expect((await query("")).headers.get("x-tenants-failed")).toBe("0");
  expect(await metric(/^entity_staleness_seconds\{tenant="tenant_2"\}/m)).toBeDefined();
  await drop("tenant_2");

  const partial = await query("");
  expect([partial.status, partial.headers.get("x-tenants-answered"), partial.headers.get("x-tenants-failed")]).toEqual([
    200,
    "4",
    "1",
  ]);
  const tenants = [...(await partial.text()).matchAll(/"tenant":"(\w+)"/g)].map(([, name]) => name).sort();
  expect(tenants).toEqual(["tenant_0", "tenant_1", "tenant_3", "tenant_4"]);

  for (const policy of ["fail", "90%25"]) {
    const refused = await query(`&partial=${policy}`);
    expect([policy, refused.status]).toEqual([policy, 502]);
    expect(refused.statusText).toContain("tenant_2");
    expect(await refused.text()).not.toMatch(/127\.0\.0\.1|password|tenantry_reader/);
  }
  expect((await query("&partial=80%25")).status).toBe(200);

  const frame = await (await query("&format=frame")).text();
  expect(frame).toContain("tenant_2 left out: the tenant's database cannot be reached");
  expect(await metric(/^tenantry_tenant_up\{tenant="tenant_2"\} 0$/m)).toBeDefined();
  await expect
    .poll(() => metric(/^entity_staleness_seconds\{tenant="tenant_2"\}/m), { timeout: 30_000, interval: 1_000 })
    .toBeUndefined();
  expect(await metric(/^entity_staleness_seconds\{tenant="tenant_1"\} \d/m)).toBeDefined();
  expect((await get("/readyz")).status).toBe(200);

  const slow = performance.now();
  expect((await query("")).status).toBe(200);
  expect(performance.now() - slow).toBeLessThan(2_000);
});

test("when all that were asked for are gone, the answer is an error, and the program goes on", async () => {
  for (const tenant of ["tenant_0", "tenant_1", "tenant_3"]) await drop(tenant);
  expect((await query("&tenants=tenant_0,tenant_1,tenant_2,tenant_3")).status).toBe(502);
  expect((await query("&tenants=tenant_4")).status).toBe(200);
  expect((await get("/healthz")).status).toBe(200);
});
