import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { runningIn, withFaultyFleet } from "../support/faults/faulty-fleet.ts";
import { startProgram } from "../support/program.ts";

const SLOW = "SELECT count(*) AS n, pg_sleep(30)::text AS s FROM $<tenant>_items";

test.each(["SIGKILL", "SIGTERM"] as const)(
  "the program that is ended by %s in mid-query leaves nothing running on any server",
  (signal) =>
    withFaultyFleet(async (fleet) => {
      const folder = await mkdtemp(path.join(tmpdir(), "tenantry-killed-test-"));
      const config = path.join(folder, "tenantry.yaml");
      await writeFile(
        config,
        // JSON is YAML.
        JSON.stringify({
          server: { port: 0, shutdownGrace: "1s" },
          federation: { url: fleet.federationUrl },
          tenants: { registry: fleet.config.tenants.registry },
          guard: { allowFunctions: ["pg_sleep"] },
        }),
      );
      const program = startProgram(["serve", "--config", config]);
      try {
        const listening = await program.line((line) => line.includes("listening on http"));
        const url = /http:\/\/[\w.:]+/.exec(listening)?.[0] ?? "";
        await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
        const answers = Array.from({ length: 3 }, (_, index) =>
          fetch(`${url}/v1/query`, {
            method: "POST",
            body: JSON.stringify({ sql: `${SLOW} WHERE id <> ${-index}` }),
          }).then(
            ({ status }) => status,
            () => "lost" as const,
          ),
        );
        await expect.poll(async () => (await runningIn(fleet)).length, { timeout: 10_000 }).toBeGreaterThan(4);
        program.signal(signal);
        expect(await program.ended).toBe(signal === "SIGKILL" ? "SIGKILL" : 0);
        for (const answer of await Promise.all(answers)) expect(["lost", 503]).toContain(answer);
        await expect.poll(() => runningIn(fleet), { timeout: 5_000, interval: 100 }).toEqual([]);
      } finally {
        await program.close();
        await rm(folder, { recursive: true });
      }
    }),
);
