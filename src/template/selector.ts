import { RE2JS } from "re2js";
import { AppError } from "../errors.ts";
import type { TenantIdentity } from "../types.ts";

/** One condition of a selector; all of them must hold. */
export type SelectorItem =
  | { readonly kind: "label"; readonly label: string; readonly negated: boolean; readonly value: string }
  | { readonly kind: "labelPattern"; readonly label: string; readonly negated: boolean; readonly pattern: RE2JS }
  | { readonly kind: "namePattern"; readonly pattern: RE2JS }
  | { readonly kind: "names"; readonly names: ReadonlySet<string> };

export interface Selector {
  readonly items: readonly SelectorItem[];
}

/** The selector that every tenant passes. */
const ALL_TENANTS: Selector = { items: [] };

const BARE = /[A-Za-z0-9_.-]+/y;
// A pattern longer than this is no name any more; the bound also keeps matching cheap.
const MAX_PATTERN_LENGTH = 256;

/**
 * Reads `item ("," item)*`, where an item is `label op value`, `~"pattern"` or `name|name`, and op is `= != =~ !~`.
 * `*` is every tenant. Throws TEMPLATE_SELECTOR; the message quotes the part that could not be read.
 */
export function parseSelector(text: string): Selector {
  if (text.trim() === "*") return ALL_TENANTS;
  const reader = createReader(text);
  const items = [readItem(reader)];
  while (reader.take(",")) items.push(readItem(reader));
  if (!reader.atEnd()) throw reader.error("expected , or the end");
  return { items };
}

/** True when the tenant passes every item. A label that the tenant lacks is the empty string. */
export function matchesSelector(selector: Selector, tenant: TenantIdentity): boolean {
  return selector.items.every((item) => {
    switch (item.kind) {
      case "names":
        return item.names.has(tenant.name);
      case "namePattern":
        return item.pattern.matcher(tenant.name).find();
      case "label":
        return (labelOf(tenant, item.label) === item.value) !== item.negated;
      case "labelPattern":
        return item.pattern.matcher(labelOf(tenant, item.label)).find() !== item.negated;
    }
    return item satisfies never;
  });
}

function labelOf(tenant: TenantIdentity, label: string): string {
  return Object.hasOwn(tenant.labels, label) ? (tenant.labels[label] ?? "") : "";
}

/**
 * The tenants whose name PostgreSQL's `name ~ 'source'` holds for, or null where RE2 may read the pattern in another way: only letters,
 * digits, `_ - . ^ $ | ( ) * + ?`, lists such as `[ab1]` and escaped marks mean the same to both.
 */
export function namePatternOf(source: string): SelectorItem | null {
  if (
    source.length > MAX_PATTERN_LENGTH ||
    !/^(?:[\w.^$|()*+?-]|\[\w+\]|\\[^\w\s])*$/.test(source) ||
    source.includes("(?")
  )
    return null;
  try {
    return { kind: "namePattern", pattern: RE2JS.compile(source) };
  } catch {
    return null;
  }
}

type Reader = ReturnType<typeof createReader>;

function createReader(text: string) {
  let at = 0;
  const skipSpaces = () => {
    while (text[at] === " ") at += 1;
  };
  const refuse = (problem: string) =>
    new AppError("TEMPLATE_SELECTOR", `selector "${text}": ${problem}`, {
      hint: 'write labels (plan=pro,region!=eu), a pattern (~"^acme-") or names (acme|globex); quote values that have other characters than A-Z a-z 0-9 _ . -',
    });
  const error = (expected: string) =>
    refuse(`${expected} at ${at === text.length ? "its end" : `"${text.slice(at, at + 20)}"`}`);
  return {
    error,
    refuse,
    atEnd: () => {
      skipSpaces();
      return at === text.length;
    },
    take: (mark: string) => {
      skipSpaces();
      if (!text.startsWith(mark, at)) return false;
      at += mark.length;
      return true;
    },
    value: (what: string): string => {
      skipSpaces();
      if (text[at] === '"') {
        const end = text.indexOf('"', at + 1);
        if (end < 0) throw error('expected a closing "');
        const quoted = text.slice(at + 1, end);
        at = end + 1;
        return quoted;
      }
      BARE.lastIndex = at;
      const bare = BARE.exec(text)?.[0];
      if (bare === undefined) throw error(`expected ${what}`);
      at += bare.length;
      return bare;
    },
  };
}

function readItem(reader: Reader): SelectorItem {
  if (reader.take("~")) return { kind: "namePattern", pattern: readPattern(reader) };
  const first = reader.value("a label or a name");
  for (const [operator, negated] of [
    ["=~", false],
    ["!~", true],
  ] as const) {
    if (reader.take(operator)) return { kind: "labelPattern", label: first, negated, pattern: readPattern(reader) };
  }
  for (const [operator, negated] of [
    ["!=", true],
    ["=", false],
  ] as const) {
    if (reader.take(operator)) return { kind: "label", label: first, negated, value: reader.value("a value") };
  }
  const names = [first];
  while (reader.take("|")) names.push(reader.value("a name"));
  return { kind: "names", names: new Set(names) };
}

function readPattern(reader: Reader): RE2JS {
  const source = reader.value("a pattern");
  if (source.length > MAX_PATTERN_LENGTH) throw reader.refuse(`a pattern may have ${MAX_PATTERN_LENGTH} characters`);
  try {
    // RE2 runs in linear time; a RegExp from a caller could run for ever on one long name.
    return RE2JS.compile(source);
  } catch {
    throw reader.refuse(`"${source}" is no regular expression`);
  }
}
