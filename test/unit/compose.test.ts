import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.ts";
import { REPOSITORY } from "../support/grafana/provisioning.ts";

const run = promisify(execFile);

const serviceSchema = z.looseObject({
  image: z.string(),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.unknown().optional(),
  secrets: z.array(z.string()).default([]),
});
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() }).nullable()),
  secrets: z.record(z.string(), z.object({ environment: z.string() })),
});

let text: string;
let compose: z.infer<typeof composeSchema>;
/** What docker/secrets.sh prints, as docker compose would read it from `.env`. */
let secrets: ReadonlyMap<string, string>;

beforeAll(async () => {
  text = await readFile(join(REPOSITORY, "docker-compose.yml"), "utf8");
  compose = composeSchema.parse(parse(text, { merge: true }));
  secrets = readEnv((await run("sh", [join(REPOSITORY, "docker/secrets.sh")])).stdout);
});

const readEnv = (lines: string): ReadonlyMap<string, string> =>
  new Map(
    lines
      .trim()
      .split("\n")
      .map((line): [string, string] => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
  );

describe("docker/secrets.sh", () => {
  test("prints every variable that docker-compose.yml asks for, and no other", () => {
    const wanted = [...text.matchAll(/\$\{(\w+):\?\}/g)].map(([, name]) => name);
    const needed = new Set([...wanted, ...Object.values(compose.secrets).map(({ environment }) => environment)]);
    expect(new Set(secrets.keys())).toEqual(needed);
    expect(text.replaceAll(/\$\{\w+:\?\}/g, "")).not.toContain("${");
  });

  test("prints secrets of its own each time, and the tokens' digests", async () => {
    const again = readEnv((await run("sh", [join(REPOSITORY, "docker/secrets.sh")])).stdout);
    for (const [name, value] of secrets) {
      expect(value).toMatch(/^[0-9a-f]{48,64}$/);
      expect(again.get(name)).not.toBe(value);
    }
    const digest = createHash("sha256")
      .update(secrets.get("GRAFANA_TOKEN") ?? "")
      .digest("hex");
    expect(secrets.get("GRAFANA_TOKEN_SHA256")).toBe(digest);
  });
});

describe("docker-compose.yml", () => {
  test("pins images and publishes ports on the loopback address only", () => {
    for (const [name, { image, ports }] of Object.entries(compose.services)) {
      expect(image, name).toMatch(/^[\w./-]+:(?!latest$)[\w.-]+$/);
      expect(
        ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port)),
        name,
      ).toEqual([]);
    }
  });

  test("waits for services that exist, in a way that they can end", () => {
    for (const [name, { depends_on: dependencies }] of Object.entries(compose.services)) {
      for (const [other, { condition }] of Object.entries(dependencies)) {
        expect(Object.keys(compose.services), name).toContain(other);
        // A Dockerfile's HEALTHCHECK counts as well.
        const healthy = compose.services[other]?.healthcheck !== undefined || other === "tenantry";
        if (condition === "service_healthy") expect(healthy, `${name} waits for ${other}`).toBe(true);
        else expect([other, condition]).toEqual(["onboarding", "service_completed_successfully"]);
      }
    }
  });

  test("mounts files that are there, read-only", async () => {
    const mounts = Object.values(compose.services).flatMap(({ volumes }) => volumes);
    expect(mounts.length).toBeGreaterThan(8);
    for (const mount of mounts) {
      const [source = "", , mode] = mount.split(":");
      expect(mode, mount).toBe("ro");
      await expect(stat(join(REPOSITORY, source)), mount).resolves.toBeDefined();
    }
  });

  test("keeps Grafana and Prometheus away from the databases", () => {
    expect(compose.networks.databases).toEqual({ internal: true });
    const both = Object.entries(compose.services).filter(([, { networks }]) => networks.length > 1);
    expect(new Set(both.map(([name]) => name))).toEqual(new Set(["onboarding", "tenantry"]));
    expect(compose.services.grafana?.networks).toEqual(["monitoring"]);
  });

  test("has the tenants of examples/fleet.yaml, each on the server that its url names", async () => {
    const environment = compose.services.tenantry?.environment ?? {};
    const fill = (value: string): string =>
      value.replace(/\$\{(\w+):\?\}/g, (_, name: string) => secrets.get(name) ?? "");
    const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, fill(value)]));
    const config = await loadConfig({ file: join(REPOSITORY, "examples/fleet.yaml"), env });
    const wanted = config.tenants.registry.map(({ name, url }) => `${new URL(url).hostname} ${name}`);
    const served = Object.entries(compose.services).flatMap(
      ([
        host,
        {
          environment: { TENANTS },
        },
      ]) => (TENANTS?.trim().split(/\s+/) ?? []).map((tenant) => `${host} ${tenant}`),
    );
    expect(served.sort()).toEqual(wanted.sort());
  });

  test("is accepted by docker compose, where there is one; its YAML is checked above in any case", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tenantry-compose-"));
    try {
      const envFile = join(folder, ".env");
      await writeFile(envFile, [...secrets].map(([name, value]) => `${name}=${value}\n`).join(""));
      const hasCompose = await run("docker", ["compose", "version"]).then(
        () => true,
        () => false,
      );
      if (!hasCompose) return expect(Object.keys(compose.services)).toHaveLength(9);
      const args = [
        "compose",
        "--env-file",
        envFile,
        "-f",
        join(REPOSITORY, "docker-compose.yml"),
        "config",
        "--quiet",
      ];
      await expect(run("docker", args)).resolves.toBeDefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
