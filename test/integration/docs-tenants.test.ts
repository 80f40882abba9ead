import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, inject, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { quoteIdentifier, quoteLiteral } from "../../src/postgres/quote.ts";
import { type TestFleet, withSql, withTenants } from "../support/postgres.ts";
import { capturedTerminal } from "../unit/cli/captured-terminal.ts";

// The SQL of docs/tenants.md, "By hand", as printed, and what is said when a line of it is forgotten. It needs a server that asks for
// passwords, as that of the tests does.
const asksForPasswords = new URL(inject("postgresUrl")).password !== "";

const ENTITIES =
  "CREATE TABLE entities (id int, last_updated timestamptz); INSERT INTO entities VALUES (1, now()), (2, now());";

interface ByHand {
  readonly fleet: TestFleet;
  readonly role: string;
  readonly login: string;
  /** Runs SQL on the federation database as its owner. */
  readonly change: (sql: string) => Promise<unknown>;
  /** Runs a command as a newcomer does, with nothing set but `federation.url`. */
  readonly run: (...args: readonly string[]) => Promise<{ code: number; stdout: string; stderr: string }>;
}

async function withTheExample(work: (example: ByHand) => Promise<void>): Promise<void> {
  const page = await readFile(new URL("../../docs/tenants.md", import.meta.url), "utf8");
  const printed = page.match(/^```sql\n(.*?)^```$/ms)?.[1] ?? "";
  const suffix = randomBytes(4).toString("hex");
  const [role, login, password] = [`query_${suffix}`, `reader_${suffix}`, `secret-${suffix}`];
  await withTenants(["tenant_a"], { ddl: ENTITIES }, async (fleet) => {
    const tenant = new URL(fleet.tenants[0]?.url ?? "");
    await withSql(tenant.href, (sql) =>
      sql.query(`CREATE ROLE ${login} LOGIN PASSWORD ${quoteLiteral(password)}; GRANT SELECT ON entities TO ${login}`),
    );
    try {
      // Only what the page leaves to its reader is filled in.
      const sql = printed
        .replaceAll("tenantry_query", role)
        .replace("choose one", password)
        .replace("tenant-a.example", tenant.hostname)
        .replace("port '5432'", `port '${tenant.port}'`)
        .replace("dbname 'app'", `dbname '${tenant.pathname.slice(1)}'`)
        .replace("password of reader", password)
        .replace("'reader'", `'${login}'`);
      const change = (text: string) => withSql(fleet.federationUrl, (database) => database.query(text));
      await change(sql);
      const url = new URL(fleet.federationUrl);
      [url.username, url.password] = [role, password];
      const run = async (...args: readonly string[]) => {
        const { terminal, stdout, stderr } = capturedTerminal();
        const code = await runCli([...args, "--set", `federation.url=${url.href}`], terminal);
        return { code, stdout: stdout(), stderr: stderr() };
      };
      await work({ fleet, role, login, change, run });
    } finally {
      await withSql(fleet.federationUrl, (sql) => sql.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
      await withSql(tenant.href, (sql) => sql.query(`DROP OWNED BY ${login}; DROP ROLE ${login}`));
    }
  });
}

const COUNT = ["query", "--sql", "SELECT count(*) AS n FROM $<tenant>_entities"] as const;
const EXPLAIN = ["explain", ...COUNT.slice(1)] as const;

test.runIf(asksForPasswords)(
  "the example of docs/tenants.md runs as printed, with nothing set but federation.url",
  () =>
    withTheExample(async ({ run }) => {
      expect(await run("tenants", "list", "--json")).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("tenant_a"),
      });
      const { code, stdout, stderr } = await run(...COUNT, "--json");
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(JSON.parse(stdout)).toEqual([{ tenant: "tenant_a", n: 2 }]);
      expect((await run(...EXPLAIN)).stdout).toContain("pushed: tenant_a");
    }),
);

test.runIf(asksForPasswords)("what a newcomer forgets is told in words, and is never a fault of Tenantry", () =>
  withTheExample(async ({ run, change, fleet, role, login }) => {
    const told = async (...args: readonly string[]) => {
      const { stderr } = await run(...args);
      expect(stderr).not.toContain("internal error");
      for (const secret of [login, "127.0.0.1", "secret-"]) expect(stderr).not.toContain(secret);
      return stderr;
    };
    const mapping = `USER MAPPING FOR ${role} SERVER tenant_a_fdw_target`;
    const tenantUrl = fleet.tenants[0]?.url ?? "";

    await withSql(tenantUrl, (sql) => sql.query(`REVOKE SELECT ON entities FROM ${quoteIdentifier(login)}`));
    expect(await told(...COUNT)).toContain("GRANT SELECT on the relation to the login of its user mapping");

    await change(`ALTER ${mapping} OPTIONS (SET password 'wrong')`);
    expect(await told(...COUNT)).toContain("the tenant's database cannot be reached, or refuses the login");

    await change(`ALTER ${mapping} OPTIONS (DROP password)`);
    expect(await told(...COUNT)).toContain("the query role's user mapping has no password");

    await change(`DROP ${mapping}`);
    expect(await told(...COUNT)).toContain("no user mapping for the query role");
    await told(...EXPLAIN);

    await change(`REVOKE SELECT ON tenant_a_entities FROM ${role}`);
    expect(await told(...COUNT)).toContain("GRANT the query role USAGE on the schema and SELECT on the relation");
  }),
);
