import { type Command, JSON_OPTION } from "../command.ts";
import { applyPlan, planRegistry, tryTenants, withFederation } from "../onboard.ts";
import { printError } from "../print-error.ts";
import { createProgress } from "../progress.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";

export const tenantsApply: Command = {
  name: "tenants apply",
  summary: "Onboard the registry's tenants",
  details:
    "Makes servers, user mappings and foreign tables for the tenants of the registry, and brings those that changed up " +
    "to date. Each tenant is a transaction of its own: one that fails is undone and named, and the others go on. " +
    "Then one row of each tenant is read as a query would. Running it again changes nothing. The exit code is 1 when a " +
    "tenant is missing at the end, or cannot be read.",
  options: { ...SETTINGS_OPTIONS, ...JSON_OPTION },
  examples: ["tenantry tenants apply", "tenantry tenants apply --config tenantry.yaml --json"],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal);
    const json = given.has("json");
    const result = await withFederation(config, async (database) => {
      const reading = createProgress(terminal.stderr, { title: "reading tenants", quiet: json });
      const plan = await planRegistry(config, database, reading.report).finally(reading.close);
      const applying = createProgress(terminal.stderr, { title: "onboarding tenants", quiet: json });
      return applyPlan(plan, { database, onStep: applying.report, stop: terminal.stop }).finally(applying.close);
    });
    const trying = createProgress(terminal.stderr, { title: "reading one row of each", quiet: json });
    const unreadable = terminal.stop.aborted
      ? []
      : await tryTenants(result.onboarded, { config, onStep: trying.report }).finally(trying.close);
    const failed = [...result.failed, ...unreadable];
    const onboarded = result.onboarded.filter((name) => !unreadable.some(({ tenant }) => tenant === name));
    const expected = config.tenants.registry.length;
    if (json) {
      const failures = failed.map(({ tenant, error: { code, message, hint } }) => ({
        tenant,
        error: code,
        message,
        hint,
      }));
      printLine(terminal.stdout, JSON.stringify({ expected, onboarded, failed: failures }));
    } else {
      for (const { error } of failed) printError(terminal.stderr, error);
      printLine(terminal.stdout, `${onboarded.length} of ${expected} tenants are onboarded`);
    }
    return onboarded.length === expected ? 0 : 1;
  },
};
