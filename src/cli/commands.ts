import type { Command } from "./command.ts";
import { configCheck } from "./commands/config-check.ts";
import { configPrint } from "./commands/config-print.ts";
import { demo } from "./commands/demo.ts";
import { docs } from "./commands/docs.ts";
import { explain } from "./commands/explain.ts";
import { queriesList } from "./commands/queries-list.ts";
import { queriesRun } from "./commands/queries-run.ts";
import { query } from "./commands/query.ts";
import { serve } from "./commands/serve.ts";
import { tenantsApply } from "./commands/tenants-apply.ts";
import { tenantsDrop } from "./commands/tenants-drop.ts";
import { tenantsList } from "./commands/tenants-list.ts";
import { tenantsPlan } from "./commands/tenants-plan.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  serve,
  demo,
  query,
  explain,
  tenantsList,
  tenantsPlan,
  tenantsApply,
  tenantsDrop,
  queriesList,
  queriesRun,
  configCheck,
  configPrint,
  docs,
];
