import { dropTenant } from "../../tenants/drop-tenant.ts";
import { type Command, JSON_OPTION, UsageError } from "../command.ts";
import { withFederation } from "../onboard.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";

export const tenantsDrop: Command = {
  name: "tenants drop",
  summary: "Take a tenant out of the federation database",
  details:
    "Drops the tenant's foreign tables, user mappings and servers; its own database is not touched. A tenant that stays " +
    "in the registry is reported as missing, and `tenantry tenants apply` brings it back. A query that holds one of the tables " +
    "is waited for, a few seconds at most.",
  operand: { name: "TENANT", required: true },
  options: {
    ...SETTINGS_OPTIONS,
    yes: { summary: "Needed: this command does not ask", short: "y" },
    ...JSON_OPTION,
  },
  examples: ["tenantry tenants drop acme --yes", "tenantry tenants drop acme --yes --json"],
  run: async (given, terminal) => {
    const tenant = given.operand ?? "";
    if (!given.has("yes")) {
      throw new UsageError(`nothing was dropped: taking out "${tenant}" needs --yes`);
    }
    const config = await readSettings(given, terminal);
    const statements = await withFederation(config, (database) => dropTenant({ database, config }, tenant));
    if (given.has("json")) printLine(terminal.stdout, JSON.stringify({ tenant, statements }));
    else for (const statement of statements) printLine(terminal.stdout, `${statement};`);
    return 0;
  },
};
