import { expect, inject, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { type FleetApp, withFleet } from "../support/app.ts";
import { createPgbouncer, type Pgbouncer, type PgbouncerOptions } from "../support/pgbouncer.ts";
import { capturedTerminal } from "../unit/cli/captured-terminal.ts";

// Tenants behind a PgBouncer without `remoteOptions: off`: what people are told, and what mends it.

const DDL = `CREATE TABLE items (id int); INSERT INTO items VALUES (1);
  CREATE TABLE writes (n int); CREATE FUNCTION write() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER
    AS 'INSERT INTO public.writes VALUES (1) RETURNING n'; CREATE VIEW sly AS SELECT public.write() AS n`;
const SQL = "SELECT count(*) AS n FROM $<tenant>_items";
const REFUSED =
  "the tenant's PgBouncer refuses the connection's options: set federation.remoteOptions to off, then run tenantry tenants apply";

/** Runs `work` with the tenant `behind` a bouncer and the tenant `plain` that has none, both onboarded with `remoteOptions: on`. */
async function withOptions(
  options: Pick<PgbouncerOptions, "poolMode" | "settings">,
  work: (fleet: FleetApp, registry: string) => Promise<void>,
): Promise<void> {
  const targetUrl = inject("postgresUrl");
  const { username: user, password } = new URL(targetUrl);
  const login = { user, password: password === "" ? "unused-password" : decodeURIComponent(password) };
  const bouncer: Pgbouncer = await createPgbouncer({ targetUrl, logins: [login], ...options });
  const urlOf = ({ name, url }: { readonly name: string; readonly url: string }): string =>
    Object.assign(new URL(name === "behind" ? bouncer.through(url) : url), { password: login.password }).href;
  try {
    await withFleet(["behind", "plain"], { ddl: DDL, urlOf }, (fleet) =>
      work(fleet, JSON.stringify(fleet.tenants.map((tenant) => ({ name: tenant.name, url: urlOf(tenant) })))),
    );
  } finally {
    await bouncer.close();
  }
}

test.each(["session", "transaction"] as const)(
  "in %s mode the options are refused in words that say what to do",
  async (poolMode) => {
    await withOptions({ poolMode }, async (fleet, registry) => {
      const { rows, notices, answer } = await fleet.ask(SQL);
      expect(rows).toEqual([{ n: 1, tenant: "plain" }]);
      expect(notices).toEqual([`behind left out: ${REFUSED}`]);
      expect(answer.coverage.failed).toEqual([{ tenant: "behind", reason: "unreachable", detail: REFUSED }]);
      const failed = await fetch(`${fleet.url}/v1/query`, {
        method: "POST",
        body: JSON.stringify({ sql: SQL, partial: "fail" }),
      });
      expect([failed.status, await failed.json()]).toEqual([
        502,
        expect.objectContaining({ error: "TENANT_FAILED", message: expect.stringContaining(REFUSED) }),
      ]);

      const apply = async (remoteOptions: string) => {
        const { terminal, stdout, stderr } = capturedTerminal({
          TENANTRY_FEDERATION__URL: fleet.federationUrl,
          TENANTRY_FEDERATION__REMOTEOPTIONS: remoteOptions,
          TENANTRY_TENANTS__REGISTRY: registry,
        });
        const code = await runCli(["tenants", "apply"], terminal);
        return { code, stdout: stdout(), stderr: stderr() };
      };
      const refused = await apply("on");
      expect(refused).toMatchObject({ code: 1, stdout: "1 of 2 tenants are onboarded\n" });
      expect(refused.stderr).toContain(`error: tenant "behind" is set up, but cannot be read: ${REFUSED}\n`);
      expect(refused.stderr).not.toContain("hint:");
      expect(await apply("off")).toMatchObject({ code: 0, stdout: "2 of 2 tenants are onboarded\n" });
      // The program that serves was not told: a probe finds the tenant.
      await expect.poll(async () => (await fleet.ask(SQL)).rows.length, { timeout: 30_000, interval: 250 }).toBe(2);
    });
  },
);

test("a PgBouncer that is told to ignore the options lets a view write: only the login can be read-only then", async () => {
  await withOptions({ poolMode: "session", settings: { ignore_startup_parameters: "options" } }, async (fleet) => {
    expect((await fleet.ask(SQL)).rows).toHaveLength(2);
    const { rows, answer } = await fleet.ask("SELECT n FROM $<tenant>_sly");
    expect(rows).toEqual([{ n: 1, tenant: "behind" }]);
    expect(answer.coverage.failed).toMatchObject([{ tenant: "plain", reason: "query_failed" }]);
  });
});
