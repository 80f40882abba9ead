import { AppError, positionAt } from "../errors.ts";
import { MACROS } from "./macros.ts";
import { macroFunction, RESERVED_PREFIX, tenantName } from "./reserved.ts";
import { parseSelector, type Selector } from "./selector.ts";
import { createMappedText, type MappedText } from "./source-map.ts";

/** A template made readable for PostgreSQL's parser: placeholders and macros are reserved names now. */
export interface ScannedTemplate {
  readonly source: string;
  readonly sql: MappedText;
  /** The different selectors, by the number in their stand-in. */
  readonly selectors: readonly Selector[];
}

const IDENTIFIER_PART = /[A-Za-z0-9_\u0080-\uffff]/;
const STRING_PREFIX = /(?:[EeBbXxNn]|[Uu]&)'|[Uu]&"/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const DOLLAR_NAME = /\$([A-Za-z_][A-Za-z0-9_]*)/y;
// Inside the angle brackets everything up to ">" counts, except within double quotes.
const PLACEHOLDER = /\$<([A-Za-z_][A-Za-z0-9_]*)(?::((?:[^">]|"[^"]*")*))?>/y;
const BARE_INTERVAL = /(?:\d+(?:\.\d+)?(?:ms|[smhdwMy]))+(?![A-Za-z0-9_])/y;
const NUMBER = /[0-9][0-9A-Za-z_.]*/y;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * Finds `$<tenant…>` and `$__macros` in the user's text, before any SQL lexer sees it (it would read `orders_$` or `>||`),
 * and puts reserved names in their place. Comments are copied untouched; so are the insides of strings except for placeholders.
 * Throws TEMPLATE_PLACEHOLDER, TEMPLATE_SELECTOR, MACRO_UNKNOWN or QUERY_SYNTAX with the place in the user's text.
 */
export function scanTemplate(source: string): ScannedTemplate {
  const out = createMappedText(source);
  const selectors: Selector[] = [];
  const selectorIndex = new Map<string, number>();
  const macroParentheses: number[] = [];
  let depth = 0;
  let at = 0;
  let previousWord = "";

  const fail = (
    code: "TEMPLATE_PLACEHOLDER" | "QUERY_SYNTAX" | "MACRO_UNKNOWN",
    offset: number,
    message: string,
    hint?: string,
  ): AppError => new AppError(code, message, { position: positionAt(source, offset), hint });

  const copyTo = (end: number) => {
    out.copy(at, end);
    at = end;
  };

  const placeholder = (offset: number): { end: number; name: string } => {
    const match = matchAt(PLACEHOLDER, source, offset);
    if (match === null)
      throw fail(
        "TEMPLATE_PLACEHOLDER",
        offset,
        "a placeholder begins here but does not end",
        "write $<tenant> or $<tenant:selector>",
      );
    if (match[1] !== "tenant")
      throw fail("TEMPLATE_PLACEHOLDER", offset, `$<${match[1]}> is unknown`, "the only placeholder is $<tenant>");
    const key = match[2] ?? "*";
    let index = selectorIndex.get(key);
    if (index === undefined) {
      index = selectors.length;
      selectors.push(withPosition(source, offset, () => parseSelector(key)));
      selectorIndex.set(key, index);
    }
    return { end: offset + match[0].length, name: tenantName(index) };
  };

  /** Copies a quoted token that ends at `end`, with its placeholders replaced. */
  const copyQuoted = (end: number) => {
    for (let found = source.indexOf("$<", at); found >= 0 && found < end; found = source.indexOf("$<", at)) {
      const { end: after, name } = placeholder(found);
      if (after > end)
        throw fail("TEMPLATE_PLACEHOLDER", found, "the placeholder runs past the end of the quoted text");
      copyTo(found);
      out.replace(name, found);
      at = after;
    }
    copyTo(end);
  };

  /** Copies a token in which a placeholder cannot work. */
  const copyOpaque = (end: number, what: string) => {
    const found = source.slice(at, end).indexOf("$<tenant");
    if (found >= 0)
      throw fail(
        "TEMPLATE_PLACEHOLDER",
        at + found,
        `$<tenant> cannot stand in ${what}`,
        "put it into a plain '…' literal",
      );
    copyTo(end);
  };

  const closing = (quote: string, from: number, backslash: boolean): number => {
    for (let index = from; index < source.length; index += 1) {
      if (backslash && source[index] === "\\") index += 1;
      else if (source[index] === quote) {
        if (source[index + 1] !== quote) return index + 1;
        index += 1;
      }
    }
    throw fail("QUERY_SYNTAX", from - 1, quote === '"' ? "unterminated quoted identifier" : "unterminated string");
  };

  const comment = (): boolean => {
    if (source.startsWith("--", at)) {
      const end = source.indexOf("\n", at);
      copyTo(end < 0 ? source.length : end);
      return true;
    }
    if (!source.startsWith("/*", at)) return false;
    let nesting = 0;
    for (let index = at; index < source.length; index += 1) {
      if (source.startsWith("/*", index)) {
        nesting += 1;
        index += 1;
      } else if (source.startsWith("*/", index)) {
        nesting -= 1;
        index += 1;
        if (nesting === 0) {
          copyTo(index + 1);
          return true;
        }
      }
    }
    throw fail("QUERY_SYNTAX", at, "unterminated comment");
  };

  const dollar = (): void => {
    if (source.startsWith("$<", at)) return tenant();
    const quote = matchAt(DOLLAR_QUOTE, source, at);
    if (quote !== null) {
      const end = source.indexOf(quote[0], at + quote[0].length);
      if (end < 0) throw fail("QUERY_SYNTAX", at, "unterminated dollar-quoted string");
      return copyOpaque(end + quote[0].length, "a dollar-quoted string");
    }
    const name = matchAt(DOLLAR_NAME, source, at);
    if (name === null) return copyTo(at + 1);
    const after = at + name[0].length;
    const macro = MACROS.get(name[1]?.toLowerCase() ?? "");
    const called = /^\s*\(/.test(source.slice(after, after + 64));
    if (macro === undefined || macro.name !== name[1]) {
      if (called || name[1]?.startsWith("__")) {
        throw fail(
          "MACRO_UNKNOWN",
          at,
          `unknown macro "${name[1]}"`,
          `known: ${[...MACROS.values()].map((known) => `$${known.name}`).join(", ")}`,
        );
      }
      throw fail(
        "QUERY_SYNTAX",
        at,
        `${name[0]} is no macro, and Grafana has not replaced it`,
        "define a dashboard variable of that name, or write $<tenant> for the tenant",
      );
    }
    if (!macro.bare && !called)
      throw fail("MACRO_UNKNOWN", at, `$${macro.name} needs parentheses`, `write ${macro.usage}`);
    out.replace(macro.bare ? `${macroFunction(macro.name)}()` : macroFunction(macro.name), at);
    at = after;
    if (!macro.bare) macroParentheses.push(depth + 1);
  };

  const tenant = (): void => {
    if (previousWord === "as") {
      throw fail(
        "TEMPLATE_PLACEHOLDER",
        at,
        "$<tenant> cannot be an alias or a type",
        "an output column has one name for all tenants; the tenant's name is in the tenant column",
      );
    }
    const { end, name } = placeholder(at);
    out.replace(name, at);
    at = end;
  };

  if (!source.isWellFormed() || source.includes("\0")) {
    throw new AppError("QUERY_SYNTAX", "the SQL has characters that are not valid text (NUL or half a surrogate pair)");
  }
  const reserved = source.toLowerCase().indexOf(RESERVED_PREFIX);
  if (reserved >= 0)
    throw fail("QUERY_SYNTAX", reserved, `names that contain ${RESERVED_PREFIX} are reserved`, "choose another name");

  while (at < source.length) {
    const char = source[at] ?? "";
    if (comment()) continue;
    const prefix = matchAt(STRING_PREFIX, source, at);
    if (prefix !== null) {
      const quote = prefix[0].at(-1) ?? "'";
      const plain = /^[Nn]/.test(prefix[0]);
      const end = closing(quote, at + prefix[0].length, /^[Ee]/.test(prefix[0]));
      if (plain) copyQuoted(end);
      else copyOpaque(end, `${prefix[0]}…${quote}`);
      previousWord = "";
    } else if (char === "'" || char === '"') {
      copyQuoted(closing(char, at + 1, false));
      previousWord = "";
    } else if (char === "$") {
      dollar();
      previousWord = "";
    } else if (/[0-9]/.test(char)) {
      const interval = macroParentheses.length > 0 ? matchAt(BARE_INTERVAL, source, at) : null;
      if (interval === null) copyTo(at + (matchAt(NUMBER, source, at)?.[0].length ?? 1));
      else {
        // `$__timeGroup(ts, 5m)` is what Grafana makes of `$__timeGroup(ts, $__interval)`.
        out.replace(`'${interval[0]}'`, at);
        at += interval[0].length;
      }
      previousWord = "";
    } else if (IDENTIFIER_PART.test(char)) {
      let end = at + 1;
      while (
        end < source.length &&
        (IDENTIFIER_PART.test(source[end] ?? "") || (source[end] === "$" && source[end + 1] !== "<"))
      )
        end += 1;
      previousWord = source[end] === "$" ? previousWord : source.slice(at, end).toLowerCase();
      copyTo(end);
    } else {
      if (char === "(") depth += 1;
      if (char === ")") {
        if (macroParentheses.at(-1) === depth) macroParentheses.pop();
        depth -= 1;
      }
      if (!/\s/.test(char)) previousWord = "";
      copyTo(at + 1);
    }
  }
  return { source, sql: out.build(), selectors };
}

function withPosition<T>(source: string, offset: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, error.message, { hint: error.hint, position: positionAt(source, offset) });
  }
}
