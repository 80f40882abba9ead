import { type Command, JSON_OPTION } from "../command.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";
import { printTextTable } from "../text-table.ts";
import { withApp } from "../with-app.ts";

export const tenantsList: Command = {
  name: "tenants list",
  summary: "List the tenants that are there, and those that should be",
  details:
    "Reads the catalog of the federation database. `ready` tenants have foreign tables; `missing` ones are in the " +
    "registry only, and `tenantry tenants apply` would onboard them.",
  options: { ...SETTINGS_OPTIONS, ...JSON_OPTION },
  examples: [
    "tenantry tenants list",
    "tenantry tenants list --json | jq -r '.[] | select(.state == \"missing\").name'",
  ],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal);
    const catalog = await withApp(config, (app) => app.refreshCatalog());
    const tenants = [...catalog.tenants.values()].map(({ name, state, labels, servers, relations }) => ({
      name,
      state,
      labels,
      servers,
      relations: [...relations.keys()],
    }));
    if (given.has("json")) {
      printLine(terminal.stdout, JSON.stringify(tenants));
      return 0;
    }
    printTextTable(
      terminal.stdout,
      ["tenant", "state", "labels", "relations"],
      tenants.map(({ name, state, labels, relations }) => [name, state, labelText(labels), relations.join(", ")]),
    );
    return 0;
  },
};

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(" ");
}
