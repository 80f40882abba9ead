import type { Mistake } from "./mistakes.ts";
import { nearestName } from "./nearest-name.ts";
import { isMap, type RawPath, valueAt, withValueAt } from "./raw.ts";
import { referencedNames } from "./secrets.ts";
import { readText, type SettingNode } from "./settings.ts";

/** The prefix of environment variables that are settings. */
const ENV_PREFIX = "TENANTRY_";

export interface Overridden {
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** By dotted path: the variable or flag that set it. */
  readonly origins: ReadonlyMap<string, string>;
}

/** How a source spells the names of settings. */
interface Spelling {
  readonly same: (name: string, part: string) => boolean;
  /** A name of a query or label that the file does not have. */
  readonly newName: (part: string) => string;
  readonly prefix: string;
  /** A path as the source writes it after its prefix. */
  readonly write: (path: readonly string[]) => string;
}

const VARIABLE: Spelling = {
  same: (name, part) => name.toUpperCase() === part.toUpperCase(),
  newName: (part) => part.toLowerCase(),
  prefix: ENV_PREFIX,
  write: (path) => path.join("__").toUpperCase(),
};

const FLAG: Spelling = {
  same: (name, part) => name === part,
  newName: (part) => part,
  prefix: "--set ",
  write: (path) => path.join("."),
};

/**
 * Lays variables over the file and flags over both. A variable is `TENANTRY_` and the path in capitals with `__` between
 * its parts; a flag is the path as the file has it, with dots. Text settings take the value as it is, others as YAML.
 */
export function applyOverrides(
  raw: unknown,
  tree: SettingNode,
  sources: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly flags: Readonly<Record<string, string>>;
  },
): Overridden {
  const mistakes: Mistake[] = [];
  const origins = new Map<string, string>();
  let value = raw;
  const apply = (spelling: Spelling, written: string, parts: readonly string[], text: string) => {
    const origin = spelling.prefix + written;
    const target = findTarget(tree, parts, value, spelling);
    if (target === undefined) {
      const nearest = nearestName(written, settingPaths(tree).map(spelling.write));
      const hint = nearest === undefined ? "" : `; did you mean ${spelling.prefix}${nearest}?`;
      mistakes.push({ path: [], text: `${origin} names no setting${hint}` });
      return;
    }
    origins.set(target.path.join("."), origin);
    value = withValueAt(value, target.path, readText(text, target.node));
  };

  // `url: ${TENANTRY_QUERY_URL}` gives that variable a meaning of its own.
  const referenced = referencedNames(raw);
  for (const name of Object.keys(sources.env).sort()) {
    const text = sources.env[name];
    if (!name.startsWith(ENV_PREFIX) || text === undefined || referenced.has(name)) continue;
    const written = name.slice(ENV_PREFIX.length);
    apply(VARIABLE, written, written.split("__"), text);
  }
  for (const [path, text] of Object.entries(sources.flags)) {
    apply(FLAG, path, path.split("."), text);
  }
  return { value, mistakes, origins };
}

/** The environment variable of a setting. */
export function envName(path: readonly string[]): string {
  return ENV_PREFIX + VARIABLE.write(path);
}

/** Paths of the settings whose names the schema fixes: those outside of maps and lists. */
export function settingPaths(node: SettingNode, path: readonly string[] = []): readonly (readonly string[])[] {
  if (node.kind !== "group") return [path];
  return [...node.members].flatMap(([name, member]) => settingPaths(member, [...path, name]));
}

function findTarget(
  tree: SettingNode,
  parts: readonly string[],
  raw: unknown,
  spelling: Spelling,
): { readonly node: SettingNode; readonly path: RawPath } | undefined {
  let node: SettingNode | undefined = tree;
  const path: (string | number)[] = [];
  for (const part of parts) {
    if (part === "" || node === undefined || node.kind === "value") return undefined;
    if (node.kind === "list") {
      if (!/^\d{1,4}$/.test(part)) return undefined;
      path.push(Number(part));
      node = node.each;
      continue;
    }
    const names: readonly string[] = node.kind === "group" ? [...node.members.keys()] : namesIn(valueAt(raw, path));
    const found: string | undefined = names.find((name) => spelling.same(name, part));
    const name: string | undefined = found ?? (node.kind === "map" ? spelling.newName(part) : undefined);
    if (name === undefined) return undefined;
    path.push(name);
    node = node.kind === "group" ? node.members.get(name) : node.each;
  }
  return node === undefined ? undefined : { node, path };
}

function namesIn(value: unknown): readonly string[] {
  return isMap(value) ? Object.keys(value) : [];
}
