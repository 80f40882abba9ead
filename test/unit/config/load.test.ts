import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { mistakesOf } from "./mistakes-of.ts";

const URL_ENV = { TENANTRY_FEDERATION__URL: "postgres://query@fed/federation" };

describe("loadConfig", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tenantry-config-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = async (text: string, name = "tenantry.yaml") => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };

  it("needs nothing but the federation database", async () => {
    const config = await loadConfig({ env: URL_ENV });
    expect(config.federation.url).toBe("postgres://query@fed/federation");
    expect(config.limits.deadline).toBe(30_000);
    expect(config.cache.maxBytes).toBe(256 * 1024 ** 2);
    await expect(mistakesOf({ env: {} })).resolves.toContain("federation: is required");
  });

  it("lays variables over the file and flags over variables", async () => {
    const file = await write(
      "server: { port: 1, host: 127.0.0.1 }\nlimits: { rows: 1 }\nfederation: { url: postgres://f }\n",
    );
    const env = { TENANTRY_SERVER__PORT: "2", TENANTRY_LIMITS__ROWS: "2", TENANTRY_SERVER__HOST: "::1" };
    const config = await loadConfig({ file, env, flags: { "server.port": "3" } });
    expect(config.server).toMatchObject({ port: 3, host: "::1" });
    expect(config.limits.rows).toBe(2);
  });

  it("reads lists, maps, names and positions from variables", async () => {
    const file = await write(
      "federation: { url: postgres://f }\nqueries: { StaleOnes: { sql: SELECT 1 } }\nauth: { tokens: [{ name: a, sha256: x }] }\n",
    );
    const config = await loadConfig({
      file,
      env: {
        TENANTRY_QUERIES__STALEONES__DEADLINE: "5s",
        TENANTRY_QUERIES__NEW_ONE__SQL: "SELECT 2",
        TENANTRY_AUTH__TOKENS__0__SHA256: "a".repeat(64),
        TENANTRY_GUARD__ALLOWRELATIONS: '["a", "b"]',
        TENANTRY_TENANTS__REGISTRY: "[{ name: acme, url: postgres://h/a, labels: { plan: pro } }]",
      },
    });
    expect(config.queries.StaleOnes).toMatchObject({ sql: "SELECT 1", deadline: 5_000 });
    expect(config.queries.new_one?.sql).toBe("SELECT 2");
    expect(config.auth.tokens[0]?.sha256).toBe("a".repeat(64));
    expect(config.guard.allowRelations).toEqual(["a", "b"]);
    expect(config.tenants.registry[0]).toMatchObject({ name: "acme", labels: { plan: "pro" }, relations: ["*"] });
  });

  it("takes text as it is, so that digits in a label need no quotes", async () => {
    const config = await loadConfig({
      env: URL_ENV,
      flags: { "tenants.registry.0.name": "42", "tenants.registry.0.url": "postgres://h/42" },
    });
    expect(config.tenants.registry[0]?.name).toBe("42");
  });

  it("leaves a query's deadline and cacheTtl to the limits when it has none", async () => {
    const config = await loadConfig({ env: { ...URL_ENV, TENANTRY_QUERIES__Q__SQL: "SELECT 1" } });
    expect(config.queries.q).not.toHaveProperty("deadline");
    expect(config.queries.q).not.toHaveProperty("cacheTtl");
  });

  it("refuses an unknown TENANTRY_ variable, unless the file refers to it", async () => {
    const env = { TENANTRY_QUERY_URL: "postgres://query@fed/federation" };
    await expect(mistakesOf({ env })).resolves.toContain("TENANTRY_QUERY_URL names no setting");
    const file = await write("federation:\n  url: ${TENANTRY_QUERY_URL}\n");
    await expect(loadConfig({ file, env })).resolves.toMatchObject({ federation: { url: env.TENANTRY_QUERY_URL } });
  });

  it("reads secrets from variables and files, and leaves SQL alone", async () => {
    await write("  postgres://admin:s3cret@fed/federation\n", "admin");
    const file = await write(
      [
        "federation:",
        "  url: postgres://u:${PASSWORD}@${HOST}/$${db}",
        "  adminUrl: file:admin",
        "server:",
        "  port: ${PORT}",
        "queries:",
        '  q: { sql: "${PASSWORD}", description: "costs ${PASSWORD} and more" }',
      ].join("\n"),
    );
    const config = await loadConfig({ file, env: { PASSWORD: "$&pw", HOST: "h", PORT: "99" } });
    expect(config.federation.url).toBe("postgres://u:$&pw@h/${db}");
    expect(config.federation.adminUrl).toBe("postgres://admin:s3cret@fed/federation");
    expect(config.server.port).toBe(99);
    expect(config.queries.q?.sql).toBe("${PASSWORD}");
    expect(config.queries.q?.description).toBe("costs ${PASSWORD} and more");
  });

  it("never shows a value that came from a variable", async () => {
    const file = await write("federation: { url: postgres://f }\nserver:\n  port: ${SECRET}\n");
    const text = await mistakesOf({ file, env: { SECRET: "canary" } });
    expect(text).toContain("server.port");
    expect(text).not.toContain("canary");
  });

  it("serves other machines only with a token", async () => {
    const open = (host: string) => loadConfig({ env: { ...URL_ENV, TENANTRY_SERVER__HOST: host } });
    for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) {
      await expect(open(host)).resolves.toMatchObject({ server: { host } });
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", ""]) {
      await expect(open(host)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
    const tokens = `[{ name: a, sha256: ${"a".repeat(64)} }]`;
    await expect(
      loadConfig({ env: { ...URL_ENV, TENANTRY_SERVER__HOST: "0.0.0.0", TENANTRY_AUTH__TOKENS: tokens } }),
    ).resolves.toMatchObject({ server: { host: "0.0.0.0" } });
  });

  it("tells where a file is no YAML without repeating its line", async () => {
    const file = await write('federation:\n  url: "postgres://u:canary@h/db\nserver: {}\n');
    const text = await mistakesOf({ file, env: {} });
    expect(text).toMatch(/tenantry\.yaml:\d+:\d+ is no YAML/);
    expect(text).not.toContain("canary");
    await expect(mistakesOf({ file: await write("- 1\n"), env: {} })).resolves.toContain("map of settings");
    await expect(mistakesOf({ file: join(folder, "none.yaml"), env: {} })).resolves.toContain("no such file");
  });
});
