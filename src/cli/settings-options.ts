import { existsSync } from "node:fs";
import type { SettingsCheck } from "../config/check-settings.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { AppError, toAppError } from "../errors.ts";
import { parseSelector } from "../template/selector.ts";
import { type Given, type Option, UsageError } from "./command.ts";
import type { Terminal } from "./terminal.ts";

const DEFAULT_FILE = "tenantry.yaml";

/** Options of every command that reads settings. */
export const SETTINGS_OPTIONS = {
  config: { value: "FILE", short: "c", summary: `Settings file (default: ${DEFAULT_FILE}, if there is one)` },
  set: { value: "PATH=VALUE", repeated: true, summary: "A setting over file and environment, as in server.port=9090" },
} as const satisfies Record<string, Option>;

/** The settings that the options ask for; `flags` are settings with options of their own. Throws CONFIG_INVALID. */
export async function readSettings(
  given: Given,
  terminal: Terminal,
  flags: Readonly<Record<string, string | undefined>> = {},
): Promise<Config> {
  const own = Object.entries(flags).flatMap(([path, value]) => (value === undefined ? [] : [[path, value] as const]));
  const file = settingsFile(given);
  const set = { ...readPairs("--set", given.list("set")), ...Object.fromEntries(own) };
  if (file === undefined) refuseNothing(Object.keys(set), Object.keys(terminal.env));
  return loadConfig({
    file,
    env: terminal.env,
    flags: set,
    checks: [TOKEN_SELECTORS],
  });
}

/** Without a file, `federation.url` is the first thing that is missing, and the file is most likely elsewhere. */
function refuseNothing(flags: readonly string[], variables: readonly string[]): void {
  const isGiven =
    flags.some((path) => path.startsWith("federation")) ||
    variables.some((name) => name.startsWith("TENANTRY_FEDERATION"));
  if (isGiven) return;
  throw new AppError("CONFIG_INVALID", `no ${DEFAULT_FILE} here, and federation.url is not set`, {
    hint: "name a file with --config, or set federation.url: --set federation.url=postgres://… or TENANTRY_FEDERATION__URL=postgres://…",
  });
}

/** The settings file that will be read; undefined when the environment is all there is. */
export function settingsFile(given: Given): string | undefined {
  return given.text("config") ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
}

/** `name=value` arguments as a record; a value may hold further `=`. Throws UsageError. */
export function readPairs(option: string, pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)] as const;
    throw new UsageError(`${option} ${pair}: there is no name and = before the value`);
  });
  return Object.fromEntries(entries);
}

/** Selectors belong to templates, which the settings know nothing of. */
const TOKEN_SELECTORS: SettingsCheck = {
  needs: ["auth"],
  find: ({ auth }) =>
    auth.tokens.flatMap((token, index) => {
      try {
        parseSelector(token.tenants);
        return [];
      } catch (error) {
        return [{ path: ["auth", "tokens", index, "tenants"], text: toAppError(error).message }];
      }
    }),
};
