import { ASK_OPTIONS, ask } from "../ask.ts";
import type { Command } from "../command.ts";

export const queriesRun: Command = {
  name: "queries run",
  summary: "Run a named query and print the rows",
  details:
    "Runs a query of the settings with its own range, deadline and policy, unless options say otherwise. Output and exit " +
    "code are those of `tenantry query`.",
  operand: { name: "NAME", required: true },
  options: ASK_OPTIONS,
  examples: [
    "tenantry queries run entity_staleness",
    "tenantry queries run top_tenants --param top=5 --partial fail --json",
  ],
  run: ask,
};
