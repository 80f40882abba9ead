import type { OnboardingPlan, TenantPlan } from "../../tenants/plan-onboarding.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { planRegistry, withFederation } from "../onboard.ts";
import { noticeLines } from "../print-answer.ts";
import { createProgress } from "../progress.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";

export const tenantsPlan: Command = {
  name: "tenants plan",
  summary: "Show what onboarding the registry's tenants would change",
  details:
    "Reads each tenant's relations and the federation database, and prints the statements that would bring them " +
    "together; nothing is changed and no password is printed. The exit code is 1 when a tenant is refused.",
  options: { ...SETTINGS_OPTIONS, ...JSON_OPTION },
  examples: ["tenantry tenants plan", "tenantry tenants plan --json | jq '.tenants[] | select(.refusal)'"],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal);
    const json = given.has("json");
    const progress = createProgress(terminal.stderr, { title: "reading tenants", quiet: json });
    const plan = await withFederation(config, (database) => planRegistry(config, database, progress.report)).finally(
      progress.close,
    );
    const lines = json ? [JSON.stringify(toJson(plan))] : planLines(plan);
    for (const line of lines) printLine(terminal.stdout, line);
    return plan.tenants.some(({ refusal }) => refusal !== null) ? 1 : 0;
  },
};

function planLines({ preparation, tenants }: OnboardingPlan): string[] {
  const refused = tenants.filter(({ refusal }) => refusal !== null).length;
  const changed = tenants.filter(({ steps }) => steps.length > 0).length;
  const current = tenants.length - refused - changed;
  return [
    ...preparation.map(({ printable }) => `${printable};`),
    ...tenants.flatMap(tenantLines),
    `${tenants.length} tenants: ${changed} to change, ${current} as they should be, ${refused} refused`,
  ];
}

function tenantLines({ tenant, steps, notices, refusal }: TenantPlan): string[] {
  if (steps.length === 0 && notices.length === 0 && refusal === null) return [];
  const hint = refusal?.hint === undefined ? [] : [`--   hint: ${refusal.hint}`];
  const refused = refusal === null ? [] : [`--   refused: ${refusal.message}`, ...hint];
  return [
    `-- ${tenant}`,
    ...refused,
    ...noticeLines(notices).map((line) => `--   ${line}`),
    ...steps.map(({ printable }) => `${printable};`),
  ];
}

function toJson({ preparation, tenants }: OnboardingPlan) {
  const step = ({ kind, printable }: OnboardingPlan["preparation"][number]) => ({ kind, sql: printable });
  return {
    preparation: preparation.map(step),
    tenants: tenants.map(({ tenant, steps, notices, refusal }) => ({
      tenant,
      steps: steps.map(step),
      notices,
      refusal: refusal === null ? null : { error: refusal.code, message: refusal.message, hint: refusal.hint },
    })),
  };
}
