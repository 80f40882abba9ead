import { expect, inject, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { withTenants } from "../support/postgres.ts";
import { capturedTerminal } from "../unit/cli/captured-terminal.ts";

test.runIf(new URL(inject("postgresUrl")).password !== "")(
  "`tenants apply` names a tenant that is set up and cannot be read, and fails",
  async () => {
    await withTenants(["a", "b"], { ddl: "CREATE TABLE t (id int)" }, async ({ federationUrl, tenants }) => {
      // This machine reaches b, the federation database does not: only libpq minds that the connection has no channel binding.
      const registry = tenants.map(({ name, url }) => ({
        name,
        url: name === "b" ? `${url}?channel_binding=require` : url,
      }));
      const apply = async (...args: readonly string[]) => {
        const { terminal, stdout, stderr } = capturedTerminal({
          TENANTRY_FEDERATION__URL: federationUrl,
          TENANTRY_TENANTS__REGISTRY: JSON.stringify(registry),
        });
        const code = await runCli(["tenants", "apply", ...args], terminal);
        return { code, stdout: stdout(), stderr: stderr() };
      };
      const text = await apply();
      expect(text).toMatchObject({ code: 1, stdout: "1 of 2 tenants are onboarded\n" });
      expect(text.stderr).toContain(
        'error: tenant "b" is set up, but cannot be read: the tenant\'s database cannot be reached, or refuses the login\n' +
          "hint: the registry's url must lead there from the federation database, too\n",
      );
      const json = await apply("--json");
      expect(json).toMatchObject({ code: 1, stderr: "" });
      expect(JSON.parse(json.stdout)).toMatchObject({ expected: 2, onboarded: ["a"], failed: [{ tenant: "b" }] });

      registry.splice(1, 1);
      expect(await apply("--json")).toMatchObject({
        code: 0,
        stdout: '{"expected":1,"onboarded":["a"],"failed":[]}\n',
      });
    });
  },
);
