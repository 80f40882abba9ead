import { ASK_OPTIONS, ask } from "../ask.ts";
import type { Command } from "../command.ts";
import { SQL_OPTIONS } from "../question.ts";

export const query: Command = {
  name: "query",
  summary: "Run SQL over the tenants and print the rows",
  details:
    "Takes a template or the name of a named query. Rows go to standard output, as a table or with --json as JSON; how " +
    "many tenants answered, which did not and why, go to standard error. The exit code is 1 when fewer tenants answered " +
    "than --partial asks for.",
  operand: { name: "NAME", required: false },
  options: { ...SQL_OPTIONS, ...ASK_OPTIONS },
  examples: [
    "tenantry query --sql 'SELECT count(*) FROM $<tenant>_entities'",
    "tenantry query -f staleness.sql --tenants acme,globex --from now-6h --json",
  ],
  run: ask,
};
