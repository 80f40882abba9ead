import { mistakesError } from "../../config/mistakes.ts";
import type { Config } from "../../config/schema.ts";
import { AppError } from "../../errors.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { readSettings, SETTINGS_OPTIONS, settingsFile } from "../settings-options.ts";
import { printLine } from "../terminal.ts";

export const configCheck: Command = {
  name: "config check",
  summary: "Check the settings and list every mistake",
  details:
    "Reads file, environment and options as `tenantry serve` would, parses the named queries, and connects to nothing: " +
    "whether their tables exist is not known. Secrets are never printed.",
  options: { ...SETTINGS_OPTIONS, ...JSON_OPTION },
  examples: ["tenantry config check --config tenantry.yaml", "tenantry config check --set server.port=9090 --json"],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal).catch((error: unknown) => {
      throw withoutOwnName(error);
    });
    // Loaded when it is needed, as the parser is large.
    const { queryMistakes } = await import("../query-mistakes.ts");
    const mistakes = await queryMistakes(config);
    if (mistakes.length > 0) throw withoutOwnName(mistakesError(mistakes, () => null));
    const counts = count(config);
    const source = settingsFile(given) ?? "the environment";
    const text = `${source}: no mistakes; ${counts.tenants} tenants in the registry, ${counts.queries} queries, ${counts.metrics} of them metrics`;
    printLine(terminal.stdout, given.has("json") ? JSON.stringify({ ok: true, ...counts }) : text);
    return 0;
  },
};

/** The error without the advice to run the command that has just run. */
function withoutOwnName(error: unknown): unknown {
  if (!(error instanceof AppError) || error.hint?.includes("config check") !== true) return error;
  return new AppError(error.code, error.message, { hint: "docs/configuration.md lists every setting", cause: error });
}

function count({ tenants, queries }: Config) {
  const named = Object.values(queries);
  return {
    tenants: tenants.registry.length,
    queries: named.length,
    metrics: named.filter((query) => query.export !== undefined).length,
  };
}
