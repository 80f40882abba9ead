import { AppError } from "../errors.ts";
import { showInput } from "../input/show-input.ts";

// What Grafana's format `regex` escapes, and `$<tenant>` names never contain with a backslash before it.
const ESCAPED = /\\([\\^$*+?.()|[\]{}/])/g;
const ALL = new Set(["*", "$__all"]);
const MAX_NAMES = 10_000;

/** Text as it was before Grafana's variable format `regex`: `acme\.corp` is `acme.corp`. */
export function unescapeRegex(text: string): string {
  return text.replace(ESCAPED, (_, character: string) => character);
}

/**
 * Names of tenants in any form that Grafana or a script writes: repeated, `a,b`, `{a,b}`, `(a|b)` with regex escapes, a
 * JSON array, as text or as JSON. Null means all: nothing, an empty text or list, `*` or `$__all`. Each name comes once,
 * in the given order. Throws REQUEST_INVALID for what is no text, and for JSON that does not end.
 */
export function parseTenantList(input: unknown): readonly string[] | null {
  return withoutAll(namesOf(input));
}

/** The same for a URL parameter, which may come several times; what they name is added up. */
export function parseRepeatedTenants(texts: readonly string[]): readonly string[] | null {
  return withoutAll(texts.flatMap((text) => namesOfText(text)));
}

function withoutAll(given: readonly string[]): readonly string[] | null {
  const names = [...new Set(given)].filter((name) => name !== "");
  if (names.length > MAX_NAMES)
    throw new AppError("REQUEST_INVALID", `tenants: ${names.length} names; ${MAX_NAMES} are allowed`);
  return names.length === 0 || names.some((name) => ALL.has(name)) ? null : names;
}

function namesOf(input: unknown): string[] {
  if (input === undefined || input === null) return [];
  if (Array.isArray(input)) return input.flatMap((item) => namesOfItem(item));
  return namesOfText(requireText(input));
}

// Members of a JSON array are exact names, except `*`: a name may contain a comma there.
function namesOfItem(item: unknown): string[] {
  return [requireText(item).trim()];
}

function requireText(input: unknown): string {
  if (typeof input === "string") return input;
  if (typeof input === "number") return String(input);
  throw new AppError("REQUEST_INVALID", `tenants: ${showInput(input)} is no name`, {
    hint: 'write "tenants": ["a", "b"], or a,b in a URL',
  });
}

function namesOfText(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed.startsWith("[")) return namesOf(parseJsonArray(trimmed));
  if (trimmed.startsWith("(") && trimmed.endsWith(")")) return splitAlternatives(trimmed.slice(1, -1));
  const inner = trimmed.startsWith("{") && trimmed.endsWith("}") ? trimmed.slice(1, -1) : trimmed;
  return inner.split(",").map((name) => unescapeRegex(name.trim()));
}

function splitAlternatives(text: string): string[] {
  // An escaped | belongs to a name; a backslash always takes the next character with it.
  return (text.match(/(?:\\.|[^|\\]|\\$)+/gsu) ?? []).map((name) => unescapeRegex(name.trim()));
}

function parseJsonArray(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("REQUEST_INVALID", `tenants: ${showInput(text)} is no JSON array`, {
      hint: `in Grafana write \${tenant:json} without quotes, or \${tenant:csv}`,
      cause: error,
    });
  }
}
