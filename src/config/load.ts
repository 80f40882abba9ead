import { dirname, resolve } from "node:path";
import { SETTINGS_CHECKS, type SettingsCheck } from "./check-settings.ts";
import { mistakesError, toMistakes } from "./mistakes.ts";
import { applyOverrides } from "./overrides.ts";
import { isMap, type RawPath } from "./raw.ts";
import { type Config, configSchema } from "./schema.ts";
import { resolveReferences } from "./secrets.ts";
import { settingTree } from "./settings.ts";
import { parseYaml, readYamlFile, type YamlFile } from "./yaml-file.ts";

export interface LoadOptions {
  /** The YAML file; without it the variables and flags are everything. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By dotted path: what `--set` and options such as `--port` say. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Rules of higher layers, e.g. that a token's selector can be read. */
  readonly checks?: readonly SettingsCheck[];
}

/**
 * The settings: defaults, the file over them, variables over that, flags on top. Throws one CONFIG_INVALID that lists
 * every mistake with its path and place. No message holds a secret.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { file, env, flags = {}, checks = [] } = options;
  const tree = settingTree();
  const yaml = file === undefined ? parseYaml("", "") : await readYamlFile(file);
  const overridden = applyOverrides(yaml.raw, tree, { env, flags });
  const whereIs = (path: RawPath) => originOf(path, overridden.origins) ?? lineOf(path, yaml, file);
  const folder = file === undefined ? "." : dirname(resolve(file));
  const resolved = await resolveReferences(overridden.value, tree, { env, folder });
  const { value: raw, hidden, failed } = resolved;
  if (yaml.mistakes.length > 0) throw mistakesError([...yaml.mistakes, ...overridden.mistakes], whereIs);

  const parsed = configSchema.safeParse(raw);
  const late = parsed.success ? [] : toMistakes(parsed.error.issues, { raw, tree, hidden });
  const broken = new Set(late.map(({ path }) => path[0]));
  const readable = parsed.success ? parsed.data : withoutSections(raw, broken);
  const rules = [...SETTINGS_CHECKS, ...checks].filter(({ needs }) => !needs.some((section) => broken.has(section)));
  const crossed = readable === null ? [] : rules.flatMap(({ find }) => find(readable));

  // What a missing variable leads to is no mistake of its own.
  const others = [...late, ...crossed].filter(({ path }) => !failed.has(path.join(".")));
  const mistakes = [...overridden.mistakes, ...resolved.mistakes, ...others];
  if (!parsed.success || mistakes.length > 0) throw mistakesError(mistakes, whereIs);
  return parsed.data;
}

/** The variable or flag that set the setting or what encloses it. */
function originOf(path: RawPath, origins: ReadonlyMap<string, string>): string | undefined {
  const enclosing = path.map((_, index) => path.slice(0, path.length - index).join("."));
  return enclosing.map((name) => origins.get(name)).find((origin) => origin !== undefined);
}

function lineOf(path: RawPath, yaml: YamlFile, file: string | undefined): string | null {
  const line = path.length === 0 ? null : yaml.lineOf(path);
  return line === null || file === undefined ? null : `${file}:${line}`;
}

/** The settings with defaults in place of the sections that could not be read, so that the others are still checked. */
function withoutSections(raw: unknown, broken: ReadonlySet<RawPath[number] | undefined>): Config | null {
  if (!isMap(raw)) return null;
  const kept = Object.entries(raw).filter(([section]) => !broken.has(section));
  const standIn = broken.has("federation") ? { federation: { url: "postgres://" } } : {};
  return configSchema.safeParse({ ...Object.fromEntries(kept), ...standIn }).data ?? null;
}
