import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Mistake } from "./mistakes.ts";
import { isMap, type RawPath } from "./raw.ts";
import { readText, type SettingNode, type SettingValue } from "./settings.ts";

const WHOLE_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const REFERENCE = /(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
const FILE_PREFIX = "file:";

/** Names of the environment variables that raw settings refer to. */
export function referencedNames(raw: unknown): ReadonlySet<string> {
  const matches = (JSON.stringify(raw) ?? "").matchAll(REFERENCE);
  return new Set([...matches].flatMap(([, , name]) => (name === undefined ? [] : [name])));
}

export interface ResolveOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that a relative `file:` path starts from. */
  readonly folder: string;
}

export interface Resolved {
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** Dotted paths whose value came from elsewhere: it is not repeated in messages. */
  readonly hidden: ReadonlySet<string>;
  /** Dotted paths without a value; that is in `mistakes` already. */
  readonly failed: ReadonlySet<string>;
}

/**
 * Replaces references in raw settings. A value that is `${NAME}` as a whole becomes that environment variable; inside a
 * secret setting (connection strings, token digests) `${NAME}` may stand anywhere, and `file:path` becomes the file's
 * trimmed content; `$${` is a plain `${`. SQL is left alone: its `$` belongs to templates.
 */
export async function resolveReferences(raw: unknown, tree: SettingNode, options: ResolveOptions): Promise<Resolved> {
  const mistakes: Mistake[] = [];
  const hidden = new Set<string>();
  const failed = new Set<string>();
  const missing = new Map<string, RawPath[]>();

  const resolveText = async (text: string, node: SettingValue, path: RawPath): Promise<unknown> => {
    const variable = (name: string): string => {
      const found = options.env[name];
      if (found !== undefined) return found;
      missing.set(name, [...(missing.get(name) ?? []), path]);
      failed.add(path.join("."));
      return "";
    };
    const whole = WHOLE_REFERENCE.exec(text)?.[1];
    if (!node.secret) {
      if (whole === undefined) return text;
      hidden.add(path.join("."));
      return readText(variable(whole), node);
    }
    const expanded = text.replace(REFERENCE, (found, escaping: string, name: string) =>
      escaping === "" ? variable(name) : found.slice(1),
    );
    if (!expanded.startsWith(FILE_PREFIX)) return expanded;
    const file = resolve(options.folder, expanded.slice(FILE_PREFIX.length));
    try {
      return (await readFile(file, "utf8")).trim();
    } catch {
      mistakes.push({ path, text: `${text.startsWith(FILE_PREFIX) ? text : "its file"} cannot be read` });
      failed.add(path.join("."));
      return "";
    }
  };

  const visit = async (value: unknown, node: SettingNode | undefined, path: RawPath): Promise<unknown> => {
    if (node === undefined) return value;
    if (node.kind === "value") {
      return typeof value === "string" && !node.verbatim ? resolveText(value, node, path) : value;
    }
    if (Array.isArray(value) && node.kind === "list") {
      return Promise.all(value.map((item, index) => visit(item, node.each, [...path, index])));
    }
    if (!isMap(value)) return value;
    const entries = Object.entries(value).map(async ([key, item]) => {
      const member = node.kind === "group" ? node.members.get(key) : node.each;
      return [key, await visit(item, member, [...path, key])] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  };

  const value = await visit(raw, tree, []);
  for (const [name, [path = [], ...others]] of missing) {
    // A fleet's connection strings share one password: one mistake, not a hundred.
    const also = others.length === 0 ? "" : ` (${others.length + 1} settings need it)`;
    mistakes.push({ path, text: `environment variable ${name} is not set${also}` });
  }
  return { value, mistakes, hidden, failed };
}
