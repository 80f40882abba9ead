import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type Program, startProgram } from "../support/program.ts";

// The demo as people and scripts start it: one line when it is ready, and nothing left behind when it is stopped.

const ready = z.strictObject({
  ready: z.literal(true),
  url: z.url(),
  federationUrl: z.url(),
  tenants: z.array(z.strictObject({ name: z.string(), url: z.url(), labels: z.record(z.string(), z.string()) })),
});

const startDemo = (): Program => startProgram(["demo", "--port", "0", "--tenants", "3", "--json"]);
const readyLine = async (demo: Program) => ready.parse(JSON.parse(await demo.line((line) => line.includes('"ready"'))));

/** Processes that descend from `root`, with it. */
async function treeOf(root: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== "") parents.set(Number(name), parent);
  }
  const belongs = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 0 && (pid === root || belongs(parents.get(pid)));
  return [...parents.keys()].filter(belongs);
}

async function alive(pids: readonly number[]): Promise<readonly number[]> {
  const names = new Set(await readdir("/proc"));
  return pids.filter((pid) => names.has(String(pid)));
}

async function foldersOf(demo: Program): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith("tenantry-") && name.includes(`-${demo.pid}-`));
}

describe("the demo", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "says one line when it is ready, and %s ends it without a trace",
    async (signal) => {
      const demo = startDemo();
      try {
        const { url, federationUrl, tenants } = await readyLine(demo);
        expect(tenants.map(({ name }) => name)).toEqual(["tenant_0", "tenant_1", "tenant_2"]);
        for (const address of [url, federationUrl, ...tenants.map((tenant) => tenant.url)])
          expect(new URL(address).hostname).toBe("127.0.0.1");
        expect((await fetch(`${url}/readyz`)).status).toBe(200);
        expect(demo.lines).toHaveLength(1);
        expect(demo.errors).toEqual([]);

        const processes = await treeOf(demo.pid);
        expect(processes.length).toBeGreaterThan(2);
        expect(await foldersOf(demo)).toHaveLength(1);
        const started = performance.now();
        demo.signal(signal);
        expect(await demo.ended).toBe(0);
        expect(performance.now() - started).toBeLessThan(8_000);
        await expect.poll(() => alive(processes), { timeout: 3_000 }).toEqual([]);
        expect(await foldersOf(demo)).toEqual([]);
        await expect(fetch(`${url}/healthz`)).rejects.toThrow();
      } finally {
        await demo.close();
      }
    },
  );

  test("can be stopped while it starts", async () => {
    const demo = startDemo();
    try {
      await expect.poll(() => foldersOf(demo), { timeout: 20_000 }).toHaveLength(1);
      const processes = await treeOf(demo.pid);
      demo.signal("SIGINT");
      expect(await demo.ended).toBe(0);
      await expect.poll(() => alive(processes), { timeout: 3_000 }).toEqual([]);
      expect(await foldersOf(demo)).toEqual([]);
    } finally {
      await demo.close();
    }
  });

  test("that is killed takes its server and its folder with it", async () => {
    const demo = startDemo();
    await readyLine(demo);
    const processes = await treeOf(demo.pid);
    demo.signal("SIGKILL");
    expect(await demo.ended).toBe("SIGKILL");
    await expect.poll(() => alive(processes), { timeout: 15_000 }).toEqual([]);
    await expect.poll(() => foldersOf(demo), { timeout: 15_000 }).toEqual([]);
  });

  test("refuses a port that is taken, and ends", async () => {
    const demo = startDemo();
    try {
      const { url } = await readyLine(demo);
      const second = startProgram(["demo", "--port", new URL(url).port, "--tenants", "1", "--json"]);
      expect(await second.ended).toBe(1);
      expect(second.errors.join()).toContain(new URL(url).port);
      expect(await foldersOf(second)).toEqual([]);
    } finally {
      await demo.close();
    }
  });
});
