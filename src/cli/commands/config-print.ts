import { describeConfig, effectiveSettings } from "../../config/describe.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine } from "../terminal.ts";

export const configPrint: Command = {
  name: "config print",
  summary: "Print the settings in force, defaults included",
  details:
    "Prints what file, environment, options and defaults add up to, as YAML or JSON. Passwords and token digests are masked.",
  options: { ...SETTINGS_OPTIONS, ...JSON_OPTION },
  examples: ["tenantry config print --config tenantry.yaml", "tenantry config print --json | jq .limits"],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal);
    if (given.has("json")) printLine(terminal.stdout, JSON.stringify(effectiveSettings(config)));
    else terminal.stdout.write(describeConfig(config));
    return 0;
  },
};
