import { type Command, JSON_OPTION } from "../command.ts";
import { printError } from "../print-error.ts";
import { explanationLines } from "../print-explanation.ts";
import { QUESTION_OPTIONS, readQuestion, SQL_OPTIONS } from "../question.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";
import { OPERATOR, withApp } from "../with-app.ts";

export const explain: Command = {
  name: "explain",
  summary: "Show how SQL would run, without running it",
  details:
    "Shows the template with its macros expanded, one copy of it for each shape of tenant, whether PostgreSQL sends it to " +
    "the tenant as a whole, and the tenants whose schema leaves them out and why. --json has every lane's whole SQL.",
  operand: { name: "NAME", required: false },
  options: { ...SQL_OPTIONS, ...SETTINGS_OPTIONS, ...QUESTION_OPTIONS, ...JSON_OPTION },
  examples: [
    "tenantry explain --sql 'SELECT count(*) FROM $<tenant>_orders WHERE $__timeFilter(placed_at)'",
    "tenantry explain entity_staleness --json",
  ],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal);
    const request = await readQuestion(given, terminal, { config, format: undefined });
    try {
      const explanation = await withApp(config, (app) => app.service.explain(request, OPERATOR, terminal.stop));
      const lines = given.has("json") ? [JSON.stringify(explanation)] : explanationLines(explanation);
      for (const line of lines) printLine(terminal.stdout, line);
      return 0;
    } catch (error) {
      if (terminal.stop.aborted) throw error;
      printError(terminal.stderr, error, { sql: request.sql, json: given.has("json") });
      return 1;
    }
  },
};
