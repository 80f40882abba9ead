import { readFile } from "node:fs/promises";
import { isCollection, isNode, isMap as isYamlMap, LineCounter, type Node, parseDocument } from "yaml";
import { AppError } from "../errors.ts";
import type { Mistake } from "./mistakes.ts";
import type { RawPath } from "./raw.ts";

/** A settings file as it stands. */
export interface YamlFile {
  readonly raw: unknown;
  readonly mistakes: readonly Mistake[];
  /** Line of a setting, from 1; of what encloses it where the file does not have it. */
  readonly lineOf: (path: RawPath) => number | null;
}

/** Reads a YAML file. Throws CONFIG_INVALID when it cannot be read; what is no YAML is in `mistakes`. */
export async function readYamlFile(file: string): Promise<YamlFile> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new AppError(
      "CONFIG_INVALID",
      `cannot read ${file}: ${missing ? "there is no such file" : "it cannot be opened"}`,
      {
        hint: "name the settings file with --config, as in `tenantry serve --config tenantry.yaml`",
        cause: error,
      },
    );
  }
  return parseYaml(text, file);
}

/** The settings in a YAML text; `file` is its name in mistakes. */
export function parseYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  // The pretty form of a mistake repeats the line, and the line may hold a password.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistakes = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: [], text: `${file}:${line}:${col} is no YAML: ${reason(error.code)}` };
  });
  if (mistakes.length > 0) return { raw: {}, mistakes, lineOf: () => null };
  const raw: unknown = document.toJS() ?? {};
  const lineAt = (offset: number | undefined) => (offset === undefined ? null : lines.linePos(offset).line);
  return { raw, mistakes, lineOf: (path) => lineAt(offsetOf(document.contents, path)) };
}

function offsetOf(root: Node | null, path: RawPath): number | undefined {
  let node: unknown = root;
  let offset = root?.range?.[0];
  for (const part of path) {
    if (!isCollection(node)) break;
    if (isYamlMap(node)) {
      const pair = node.items.find(({ key }) => isNode(key) && String(key) === String(part));
      if (pair === undefined) break;
      offset = isNode(pair.key) ? pair.key.range?.[0] : offset;
      node = pair.value;
    } else {
      node = node.get(part, true);
      if (!isNode(node)) break;
      offset = node.range?.[0];
    }
  }
  return offset;
}

const REASONS: Readonly<Record<string, string>> = {
  BAD_INDENT: "the indentation does not fit",
  DUPLICATE_KEY: "this name stands here twice",
  MISSING_CHAR: "a quote, bracket or comma is missing",
  TAB_AS_INDENT: "indent with spaces, not with a tab",
  UNEXPECTED_TOKEN: "this may not stand here; put values that hold { } [ ] : # or $ in quotes",
};

function reason(code: string): string {
  return REASONS[code] ?? code.toLowerCase().replaceAll("_", " ");
}
