import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, createCluster } from "../../src/demo/cluster.ts";
import { quoteIdentifier, quoteLiteral } from "../../src/postgres/quote.ts";
import { withSql } from "../support/postgres.ts";
import { type Program, runProgram, startProgram } from "../support/program.ts";

// A federation database that somebody made by hand, and a settings file with nothing but its URL.

const PASSWORD = "canary-p4ssw0rd";
const COUNT = "SELECT count(*) AS n FROM $<tenant>_people ORDER BY tenant";
let cluster: Cluster;
let folder: string;
let config: string;

const run = (database: string, sql: string): Promise<unknown> =>
  withSql(cluster.superuserUrl(database), (client) => client.query(sql));

/** A tenant as hands make it: a server named by the pattern, a table under another name, and a view over it. */
function federate(tenant: string): string {
  const name = (text: string) => quoteIdentifier(`${tenant}_${text}`);
  const option = (text: string | number) => quoteLiteral(String(text));
  return `CREATE SERVER ${name("fdw_target")} FOREIGN DATA WRAPPER postgres_fdw
      OPTIONS (host ${option(cluster.host)}, port ${option(cluster.port)}, dbname ${option(tenant)});
    CREATE USER MAPPING FOR reader SERVER ${name("fdw_target")} OPTIONS (user 'reader', password ${option(PASSWORD)});
    CREATE FOREIGN TABLE ${name("people")} (id int, nick text) SERVER ${name("fdw_target")} OPTIONS (table_name 'users');
    CREATE VIEW ${name("adults")} AS SELECT id, upper(nick) AS nick FROM ${name("people")} WHERE id > 1;
    GRANT SELECT ON ${name("people")}, ${name("adults")} TO reader;
    ALTER VIEW ${name("adults")} OWNER TO reader;`;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "tenantry-serve-test-"));
  cluster = await createCluster({ name: "serve" });
  await run("postgres", `CREATE ROLE reader LOGIN PASSWORD ${quoteLiteral(PASSWORD)}`);
  for (const database of ["north", "south", "hub"]) await run("postgres", `CREATE DATABASE ${database}`);
  await run(
    "north",
    "CREATE TABLE users (id int, nick text); INSERT INTO users VALUES (1, 'a'), (2, 'b'); GRANT SELECT ON users TO reader",
  );
  await run(
    "south",
    "CREATE TABLE users (id int, nick text); INSERT INTO users VALUES (3, 'c'); GRANT SELECT ON users TO reader",
  );
  await run(
    "hub",
    `CREATE EXTENSION postgres_fdw; GRANT CREATE ON SCHEMA public TO reader; ${federate("north")} ${federate("south")}`,
  );
  const url = new URL(cluster.superuserUrl("hub"));
  [url.username, url.password] = ["reader", PASSWORD];
  config = path.join(folder, "tenantry.yaml");
  await writeFile(config, `federation: { url: "${url.href}" }\n`);
});

afterAll(async () => {
  await cluster?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe("serve", () => {
  async function withServer(
    args: readonly string[],
    work: (url: string, server: Program) => Promise<void>,
  ): Promise<void> {
    const server = startProgram(["serve", "--config", config, "--port", "0", ...args]);
    try {
      const line = await server.line((text) => /http:\/\/127\.0\.0\.1:\d+/.test(text));
      await work(/http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "", server);
    } finally {
      await server.close();
    }
  }

  const ask = (url: string, sql: string) => fetch(`${url}/v1/query`, { method: "POST", body: JSON.stringify({ sql }) });

  test("finds the tenants and answers from foreign tables and from views over them", async () => {
    await withServer([], async (url, server) => {
      // It listens before its lanes are connected, and says so until they are.
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
      const tenants = await (await fetch(`${url}/v1/tenants`)).text();
      expect(JSON.parse(tenants)).toMatchObject([
        { tenant: "north", state: "ready", relations: ["adults", "people", "users"] },
        { tenant: "south", state: "ready", relations: ["adults", "people", "users"] },
      ]);
      expect(await (await ask(url, COUNT)).text()).toBe('[{"n":2,"tenant":"north"},{"n":1,"tenant":"south"}]');
      expect(await (await ask(url, "SELECT nick FROM $<tenant>_adults ORDER BY nick")).text()).toBe(
        '[{"nick":"B","tenant":"north"},{"nick":"C","tenant":"south"}]',
      );
      expect(await (await ask(url, "SELECT sum(id)::int AS s FROM (SELECT id FROM $<tenant>_users) t")).text()).toBe(
        '[{"s":6}]',
      );

      const shown = [
        tenants,
        await (await ask(url, "SELECT 1/0 AS n FROM $<tenant>_people")).text(),
        await (await fetch(`${url}/metrics`)).text(),
      ];
      server.signal("SIGTERM");
      expect(await server.ended).toBe(0);
      const log = server.errors.filter((line) => line.startsWith("{"));
      expect(log.length).toBeGreaterThan(5);
      for (const line of log) expect(() => JSON.parse(line)).not.toThrow();
      expect([...shown, ...server.lines, ...server.errors].join("\n")).not.toContain(PASSWORD);
    });
  });

  test("lets a running request end before it stops", async () => {
    await withServer([], async (url, server) => {
      const slow = ask(url, "SELECT count(*) AS n FROM $<tenant:north>_people a, generate_series(1, 4000000) g");
      await new Promise((resolve) => setTimeout(resolve, 150));
      server.signal("SIGINT");
      expect((await slow).status).toBe(200);
      expect(await server.ended).toBe(0);
    });
  });

  test("a question of the command line that is stopped ends as signals end programs, and nothing of it runs on", async () => {
    const active =
      "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%4000000000%' AND pid <> pg_backend_pid()";
    const running = () => withSql(cluster.superuserUrl("hub"), async (client) => (await client.query(active)).length);
    const sql = "SELECT count(*) AS n FROM $<tenant:north>_people a, generate_series(1, 4000000000) g";
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const program = startProgram(["query", "--config", config, "--sql", sql]);
      await expect.poll(running, { timeout: 15_000 }).toBeGreaterThan(0);
      program.signal(signal);
      expect([await program.ended, program.errors.at(-1)]).toEqual([code, "stopped"]);
      await expect.poll(running, { timeout: 5_000 }).toBe(0);
    }
  });

  test("a federation database that refuses connections is unavailable to a question that was never asked before too", async () => {
    await withServer([], async (url) => {
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
      await run("postgres", "ALTER DATABASE hub ALLOW_CONNECTIONS false");
      try {
        await run("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'hub'");
        for (const sql of [`${COUNT} LIMIT 7`, COUNT]) {
          const answer = await ask(url, sql);
          expect([answer.status, await answer.json()]).toMatchObject([503, { error: "FEDERATION_UNAVAILABLE" }]);
        }
      } finally {
        await run("postgres", "ALTER DATABASE hub ALLOW_CONNECTIONS true");
      }
    });
  });

  test("waits for a federation database that is not there yet, and says so", async () => {
    await run("postgres", "ALTER DATABASE hub RENAME TO hub_later");
    try {
      await withServer([], async (url, server) => {
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
        const ready = await fetch(`${url}/readyz`);
        expect(ready.status).toBe(503);
        expect(await ready.json()).toMatchObject({ message: "the federation database cannot be reached" });
        expect((await ask(url, COUNT)).status).toBe(503);
        await run("postgres", "ALTER DATABASE hub_later RENAME TO hub");
        await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 10_000 }).toBe(200);
        expect((await ask(url, COUNT)).status).toBe(200);
        expect(server.errors.join("\n")).not.toContain(PASSWORD);
      });
    } finally {
      await run("postgres", "ALTER DATABASE hub_later RENAME TO hub").catch(() => undefined);
    }
  });
});

describe("the command line", () => {
  const tenantry = (...args: readonly string[]) => runProgram([...args, "--config", config]);

  test("query prints rows to stdout and coverage to stderr", async () => {
    const asJson = await tenantry("query", "--sql", COUNT, "--json");
    expect(asJson.code).toBe(0);
    expect(JSON.parse(asJson.stdout)).toEqual([
      { n: 2, tenant: "north" },
      { n: 1, tenant: "south" },
    ]);
    const table = await tenantry("query", "--sql", COUNT, "--tenants", "south");
    expect(table.stdout).toMatch(/n\s+tenant[\s\S]*1\s+south/);
    expect(table.stdout).not.toContain("north");
    expect(table.stderr).toMatch(/1 of 1/);
  });

  test("a query that runs out of time says so, and the program ends", async () => {
    for (const timeout of ["1ms", "20ms"]) {
      const late = await tenantry("query", "--sql", COUNT, "--timeout", timeout);
      expect(late).toMatchObject({ code: 1, stdout: "" });
      expect(late.stderr).toContain("no answer within the request's deadline");
    }
  });

  test("a refused query is an error with its place, and exit code 1", async () => {
    const refused = await tenantry("query", "--sql", "SELECT wrong FROM $<tenant>_people", "--json");
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: "QUERY_FAILED", position: { line: 1, column: 8 } });
  });

  test("explain shows each lane's SQL and runs nothing", async () => {
    const explained = await tenantry("explain", "--sql", "SELECT 1 / (id - id) AS n FROM $<tenant>_people", "--json");
    expect(explained.code).toBe(0);
    expect(JSON.parse(explained.stdout).blocks[0].lanes.map(({ tenants }: { tenants: string[] }) => tenants)).toEqual([
      ["north"],
      ["south"],
    ]);
  });

  test("tenants list and config check", async () => {
    const listed = await tenantry("tenants", "list", "--json");
    expect(JSON.parse(listed.stdout).map(({ name, state }: { name: string; state: string }) => [name, state])).toEqual([
      ["north", "ready"],
      ["south", "ready"],
    ]);
    const checked = await tenantry("config", "check", "--json");
    expect([checked.code, JSON.parse(checked.stdout)]).toEqual([0, expect.objectContaining({ ok: true })]);
    const wrong = await tenantry("config", "check", "--set", "server.prot=1");
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("prot");
    const printed = await tenantry("config", "print");
    expect(printed.stdout).toContain("federation");
    for (const { stdout, stderr } of [listed, checked, wrong, printed]) expect(stdout + stderr).not.toContain(PASSWORD);
  });

  test("an unknown command is exit code 2", async () => {
    expect((await runProgram(["serv"])).code).toBe(2);
  });
});
