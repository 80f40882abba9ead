import type { z } from "zod";
import { AppError } from "../errors.ts";
import { maskUrl } from "./mask.ts";
import { suggestion } from "./nearest-name.ts";
import { isMap, type RawPath, valueAt } from "./raw.ts";
import { type SettingNode, type SettingValue, settingAt } from "./settings.ts";

/** One thing that is wrong with the settings. `path` is empty for a mistake of the whole file. */
export interface Mistake {
  readonly path: RawPath;
  /** What is expected and what is there; never a secret. */
  readonly text: string;
}

const SHOWN_CHARACTERS = 60;

/** One error that lists every mistake, each with its place; places come from `whereIs`. */
export function mistakesError(mistakes: readonly Mistake[], whereIs: (path: RawPath) => string | null): AppError {
  const lines = mistakes.map(({ path, text }) => {
    const where = whereIs(path);
    const name = path.join(".");
    if (name === "") return `  ${text}`;
    return `  ${where === null ? name : `${name} (${where})`}: ${text}`;
  });
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  return new AppError("CONFIG_INVALID", [`${count} in the settings`, ...lines].join("\n"), {
    hint: "docs/configuration.md lists every setting; `tenantry config check` reads them and starts nothing",
  });
}

export interface Checked {
  readonly raw: unknown;
  readonly tree: SettingNode;
  /** Dotted paths whose values are not shown, whatever the setting. */
  readonly hidden: ReadonlySet<string>;
}

/** What zod found, in the words of the settings' reference page. */
export function toMistakes(issues: readonly z.core.$ZodIssue[], { raw, tree, hidden }: Checked): Mistake[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
    if (issue.code === "unrecognized_keys") {
      const members = settingAt(tree, path);
      const known = members?.kind === "group" ? [...members.members.keys()] : [];
      return issue.keys.map((key) => ({ path: [...path, key], text: `no such setting${suggestion(key, known)}` }));
    }
    const node = settingAt(tree, path);
    const value = valueAt(raw, path);
    const expected = expectation(issue, node);
    if (value === undefined) return [{ path, text: `is required: ${expected}` }];
    const shown = node?.kind === "value" && !node.secret && !hidden.has(path.join("."));
    return [{ path, text: shown ? `${expected}; got ${show(value, node)}` : expected }];
  });
}

function expectation(issue: z.core.$ZodIssue, node: SettingNode | undefined): string {
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? "no name of this kind is allowed";
  // These two carry sentences of the schema; the others would carry zod's.
  if (issue.code === "custom" || (issue.code === "invalid_format" && issue.format === "regex")) return issue.message;
  if (node?.kind === "value" && node.unit !== null) return `expected a ${node.unit} with its unit`;
  return `expected ${node?.type ?? "something else"}`;
}

function show(value: unknown, node: SettingValue): string {
  if (Array.isArray(value)) return "a list";
  if (isMap(value)) return "a map";
  const unquoted = node.text && node.unit === null && (typeof value === "number" || typeof value === "boolean");
  const advice = unquoted ? " (put it in quotes)" : "";
  const text = maskUrl(JSON.stringify(value));
  return (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text) + advice;
}
