import { type Command, JSON_OPTION } from "../command.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";
import { printTextTable } from "../text-table.ts";

export const queriesList: Command = {
  name: "queries list",
  summary: "List the named queries",
  details:
    "Shows each named query of the settings, its parameters and the metric that it exports. Nothing is connected to.",
  options: { ...SETTINGS_OPTIONS, ...JSON_OPTION },
  examples: ["tenantry queries list", "tenantry queries list --json | jq -r '.[].name'"],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal);
    const queries = Object.entries(config.queries).map(([name, { description, params, export: exported }]) => ({
      name,
      params: Object.keys(params),
      metric: exported?.name ?? null,
      description,
    }));
    if (given.has("json")) {
      printLine(terminal.stdout, JSON.stringify(queries));
      return 0;
    }
    printTextTable(
      terminal.stdout,
      ["name", "params", "metric", "description"],
      queries.map(({ name, params, metric, description }) => [name, params.join(", "), metric ?? "", description]),
    );
    return 0;
  },
};
