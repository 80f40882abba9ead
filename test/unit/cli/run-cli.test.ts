import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { runCli } from "../../../src/cli/run-cli.ts";
import { capturedTerminal } from "./captured-terminal.ts";

const ENV = { TENANTRY_FEDERATION__URL: "postgres://u:canary@fed/federation" };

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const captured = capturedTerminal(env);
  const code = await runCli(args, captured.terminal);
  return { code, stdout: captured.stdout(), stderr: captured.stderr() };
}

describe("runCli", () => {
  it("shows the help of the program and of every command", async () => {
    await expect(run(["--help"])).resolves.toMatchObject({ code: 0, stderr: "" });
    await expect(run([])).resolves.toMatchObject({ code: 2 });
    for (const { name, options } of COMMANDS) {
      const { code, stdout } = await run([...name.split(" "), "--help"]);
      expect(code).toBe(0);
      for (const option of Object.keys(options)) expect(stdout).toContain(`--${option}`);
    }
  });

  it.each([
    [["sreve"], 'error: "sreve" is no command; did you mean "serve"?'],
    [["tenants", "lst"], 'error: "tenants lst" is no command\nhint: there is: tenants list, tenants plan'],
    [["serve", "--prot", "1"], 'error: --prot is no option of this command; did you mean "--port"?'],
    [["serve", "--port"], "error: --port needs a value: --port PORT"],
    [["query", "--format", "--json"], "error: --format needs a value"],
    [["serve", "--port", "1", "--port", "2"], "error: --port is given twice"],
    [["config", "check", "--json=yes"], "error: --json takes no value"],
    [["config", "check", "extra"], 'error: "extra" is one argument too many'],
    [["queries", "run"], "error: NAME is missing"],
  ])("exits with 2 when it cannot understand %j", async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
  });

  it("checks and prints settings, with options over the environment", async () => {
    await expect(run(["config", "check"], ENV)).resolves.toMatchObject({
      code: 0,
      stdout: "the environment: no mistakes; 0 tenants in the registry, 0 queries, 0 of them metrics\n",
    });
    const printed = await run(["config", "print", "--set", "server.port=9", "--json"], {
      ...ENV,
      TENANTRY_SERVER__PORT: "8",
    });
    expect(JSON.parse(printed.stdout)).toMatchObject({
      server: { port: 9 },
      federation: { url: "postgres://u:***@fed/federation" },
    });
  });

  it("tells what is wrong with the settings, as text or as a line of JSON", async () => {
    const tokens = `[{ name: a, sha256: ${"a".repeat(64)}, tenants: "plan==" }]`;
    const env = { ...ENV, TENANTRY_AUTH__TOKENS: tokens };
    const text = await run(["config", "check"], env);
    expect(text).toMatchObject({ code: 1, stdout: "" });
    expect(text.stderr).toContain("auth.tokens.0.tenants (TENANTRY_AUTH__TOKENS): selector");
    const json = await run(["config", "check", "--json"], env);
    expect(json.stderr.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: "CONFIG_INVALID" });
    expect(text.stderr + json.stderr).not.toContain("canary");
  });

  it("lists named queries", async () => {
    const env = { ...ENV, TENANTRY_QUERIES: "{ q: { sql: SELECT 1, description: one, export: { name: m } } }" };
    const { stdout } = await run(["queries", "list", "--json"], env);
    expect(JSON.parse(stdout)).toEqual([{ name: "q", params: [], metric: "m", description: "one" }]);
    await expect(run(["queries", "list"], env)).resolves.toMatchObject({
      stdout: [
        "name  params  metric  description",
        "────  ──────  ──────  ───────────",
        "q             m       one",
        "",
      ].join("\n"),
    });
  });

  it("refuses a question that is none or two before it connects to anything", async () => {
    const none = await run(["query"], ENV);
    expect(none).toMatchObject({ code: 2, stdout: "" });
    expect(none.stderr).toContain("give one question");
    await expect(run(["query", "q", "--sql", "SELECT 1"], ENV)).resolves.toMatchObject({ code: 2 });
    const drop = await run(["tenants", "drop", "acme"], ENV);
    expect(drop.code).toBe(2);
    expect(drop.stderr).toContain("needs --yes");
  });

  it.each([
    [["demo", "--tenants", "abc"], "--tenants abc: must be a whole number up to"],
    [["query", "--sql", "SELECT 1", "--format", "xls"], 'format: "xls" is not known'],
    [["query", "--sql", "SELECT 1", "--param", "x"], "--param x: there is no name and = before the value"],
    [["serve", "--log-level", "loud", "--port", "0"], "--log-level loud: must be one of"],
  ])("exits with 2 for values that mean nothing: %j", async (args, message) => {
    const { code, stderr } = await run(args, ENV);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("lists the commands of a group", async () => {
    const { code, stdout } = await run(["tenants", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/tenants list .*tenants plan .*tenants apply .*tenants drop /s);
    expect(stdout).not.toContain("config check");
  });

  it("says what to set when there are no settings at all", async () => {
    const { code, stderr } = await run(["serve"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "error: no tenantry.yaml here, and federation.url is not set\nhint: name a file with --config",
    );
  });

  it("finds named queries that cannot run, whatever the tables are", async () => {
    const queries = {
      fine: {
        sql: "SELECT * FROM $<tenant>_orders WHERE $__timeFilter(at) AND n > $param(n)",
        params: { n: { type: "integer" } },
      },
      words: { sql: "SELEC 1" },
      write: { sql: "DELETE FROM $<tenant>_orders" },
      local: { sql: "SELECT * FROM orders" },
      macro: { sql: "SELECT $__nope(1) FROM $<tenant>_orders" },
    };
    const { code, stderr } = await run(["config", "check"], { ...ENV, TENANTRY_QUERIES: JSON.stringify(queries) });
    expect(code).toBe(1);
    expect(stderr).toBe(
      [
        "error: 4 mistakes in the settings",
        '  queries.words.sql: syntax error at or near "SELEC", at line 1, column 1 of it',
        "  queries.write.sql: DELETE is not allowed",
        "  queries.local.sql: the relation orders is not allowed, at line 1, column 15 of it",
        '  queries.macro.sql: unknown macro "__nope", at line 1, column 8 of it',
        "hint: docs/configuration.md lists every setting",
        "",
      ].join("\n"),
    );
  });

  it("refuses a port that is taken before the fleet is built", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const { code, stderr } = await run(["demo", "--port", String(port)]);
      expect(code).toBe(1);
      expect(stderr).toBe(
        `error: port ${port} is taken\nhint: choose another with --port, or --port 0 for a free one\n`,
      );
    } finally {
      server.close();
    }
  });
});
