import { Buffer } from "node:buffer";
import { AppError, type ErrorCode, positionAt } from "../errors.ts";
import { type Lexeme, lexemes, placeholderAt } from "./lexemes.ts";
import { MACROS } from "./macros.ts";
import { macroFunction, RESERVED_PREFIX, tenantName } from "./reserved.ts";
import { parseSelector, type Selector } from "./selector.ts";
import { createMappedText, type MappedText, type MappedTextBuilder } from "./source-map.ts";

/** A template made readable for PostgreSQL's parser: placeholders and macros are reserved names now. */
export interface ScannedTemplate {
  readonly source: string;
  readonly sql: MappedText;
  /** The different selectors, by the number in their stand-in. */
  readonly selectors: readonly Selector[];
  /** The reserved names put into the text, one for each time. */
  readonly standIns: readonly string[];
}

interface Scan {
  readonly source: string;
  readonly out: MappedTextBuilder;
  readonly selectors: Selector[];
  readonly selectorIndex: Map<string, number>;
  /** Depths of parentheses at which a macro's arguments stand. */
  readonly macroDepths: number[];
  readonly standIns: string[];
  lexemes: number;
  depth: number;
  /** True when an alias or a type comes next. */
  afterAs: boolean;
  /** The unquoted name that is being read, with its stand-ins. */
  name: { bytes: number; placeholderAt: number | null };
}

/** As many as the parser surely takes: 6,000 terms never broke it in 600 rounds, 8,000 did from the seventh round on. */
const MAX_LEXEMES = 4_000;
// Literals are one token however many placeholders they have, and each is filled in for each tenant.
const MAX_PLACEHOLDERS = 1_000;
// One SELECT has one selector, so this many are plenty; compiling a hostile pattern takes 10 ms.
const MAX_SELECTORS = 16;

/**
 * Finds `$<tenant…>` and `$__macros` in the user's text, before any SQL lexer sees it (it would read `orders_$` or `>||`),
 * and puts reserved names in their place. Comments become a space; the insides of strings are copied except for placeholders.
 * Throws TEMPLATE_PLACEHOLDER, TEMPLATE_SELECTOR, MACRO_UNKNOWN or QUERY_SYNTAX with the place in the user's text.
 */
export function scanTemplate(source: string): ScannedTemplate {
  const scan: Scan = {
    source,
    out: createMappedText(source),
    selectors: [],
    selectorIndex: new Map(),
    macroDepths: [],
    standIns: [],
    lexemes: 0,
    depth: 0,
    afterAs: false,
    name: { bytes: 0, placeholderAt: null },
  };
  refuseUnreadable(scan);
  for (const lexeme of lexemes(source)) scanLexeme(lexeme, scan);
  return { source, sql: scan.out.build(), selectors: scan.selectors, standIns: scan.standIns };
}

function refuseUnreadable(scan: Scan): void {
  const { source } = scan;
  // libpg-query stops reading at a NUL; what follows would go unseen by the guard.
  const nul = source.indexOf("\0");
  if (nul >= 0) throw fail(scan, "QUERY_SYNTAX", nul, "the SQL has a NUL character");
  if (!source.isWellFormed())
    throw new AppError("QUERY_SYNTAX", "the SQL has half of a surrogate pair, which is no character");
  const reserved = source.toLowerCase().indexOf(RESERVED_PREFIX);
  if (reserved >= 0)
    throw fail(
      scan,
      "QUERY_SYNTAX",
      reserved,
      `names that contain ${RESERVED_PREFIX} are reserved`,
      "choose another name",
    );
}

function scanLexeme(lexeme: Lexeme, scan: Scan): void {
  const { start, end, kind } = lexeme;
  const text = scan.source.slice(start, end);
  const { afterAs } = scan;
  countLexeme(kind, start, scan);
  measureName(lexeme, scan);
  if (kind !== "space" && kind !== "comment") scan.afterAs = kind === "word" && text.toLowerCase() === "as";
  switch (kind) {
    case "placeholder":
      scanPlaceholder(start, afterAs, scan);
      break;
    case "quoted":
      scanQuoted(start, end, afterAs, scan);
      break;
    case "opaque":
      scanOpaque(start, end, scan);
      break;
    case "dollarName":
      scanDollarName(start, end, scan);
      break;
    case "number":
      scanNumber(start, end, scan);
      break;
    case "word":
      // `AS x_$<tenant>` is an alias as much as `AS $<tenant>`.
      if (afterAs && scan.source.startsWith("$<", end)) scan.afterAs = true;
      scan.out.copy(start, end);
      break;
    case "mark":
      followParentheses(text, scan);
      scan.out.copy(start, end);
      break;
    case "comment":
      // The parser's lexer is slow on many comments, and they mean nothing.
      scan.out.replace(" ", start);
      break;
    case "space":
      scan.out.copy(start, end);
      break;
  }
}

/** Texts of too many tokens are refused here, where reading is cheap: the parser is shared by all callers. */
function countLexeme(kind: Lexeme["kind"], start: number, scan: Scan): void {
  if (kind !== "space" && kind !== "comment") scan.lexemes += 1;
  if (scan.lexemes > MAX_LEXEMES) {
    throw fail(scan, "QUERY_FORBIDDEN", start, `the SQL has more than ${MAX_LEXEMES} tokens`, "split the query");
  }
}

/** PostgreSQL cuts a longer name, stand-in and all: what is left could be another table's. */
const MAX_NAME_BYTES = 63;

/** Follows a name that is not quoted through its words, digits and placeholders. */
function measureName({ kind, start, end }: Lexeme, scan: Scan): void {
  const isPart = kind === "word" || kind === "number" || kind === "placeholder" || kind === "dollarName";
  if (!isPart) {
    scan.name = { bytes: 0, placeholderAt: null };
    return;
  }
  scan.name.bytes +=
    kind === "placeholder"
      ? tenantName(scan.selectors.length).length
      : Buffer.byteLength(scan.source.slice(start, end));
  if (kind === "placeholder") scan.name.placeholderAt = start;
  refuseLongName(scan.name.bytes, scan.name.placeholderAt, scan);
}

function refuseLongName(bytes: number, placeholderAt: number | null, scan: Scan): void {
  if (placeholderAt === null || bytes <= MAX_NAME_BYTES) return;
  throw fail(
    scan,
    "TEMPLATE_PLACEHOLDER",
    placeholderAt,
    `a name with $<tenant> in it may have ${MAX_NAME_BYTES} bytes`,
    "write $<tenant>.name, where the name alone may have so many",
  );
}

function scanPlaceholder(start: number, afterAs: boolean, scan: Scan): void {
  if (afterAs) throw aliasRefused(start, scan);
  scan.out.replace(standIn(start, scan).name, start);
}

function aliasRefused(offset: number, scan: Scan): AppError {
  return fail(
    scan,
    "TEMPLATE_PLACEHOLDER",
    offset,
    "$<tenant> cannot be an alias or a type",
    "an output column has one name for all tenants; the tenant's name is in the tenant column",
  );
}

/** The reserved name for the placeholder at `start`. */
function standIn(start: number, scan: Scan): { readonly name: string; readonly end: number } {
  const match = placeholderAt(scan.source, start);
  const name = match.groups?.name;
  if (name !== "tenant")
    throw fail(scan, "TEMPLATE_PLACEHOLDER", start, `$<${name}> is unknown`, "the only placeholder is $<tenant>");
  const selector = match.groups?.selector ?? "*";
  let index = scan.selectorIndex.get(selector);
  if (index === undefined) {
    if (scan.selectors.length === MAX_SELECTORS)
      throw fail(scan, "TEMPLATE_SELECTOR", start, `the query has more than ${MAX_SELECTORS} different selectors`);
    index = scan.selectors.push(readSelector(selector, start, scan)) - 1;
    scan.selectorIndex.set(selector, index);
  }
  const standInName = tenantName(index);
  noteStandIn(standInName, start, scan);
  return { name: standInName, end: start + match[0].length };
}

function noteStandIn(name: string, start: number, scan: Scan): void {
  if (scan.standIns.length === MAX_PLACEHOLDERS)
    throw fail(scan, "QUERY_FORBIDDEN", start, `the SQL has more than ${MAX_PLACEHOLDERS} placeholders and macros`);
  scan.standIns.push(name);
}

function readSelector(text: string, start: number, scan: Scan): Selector {
  try {
    return parseSelector(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw fail(scan, error.code, start, error.message, error.hint);
  }
}

function scanQuoted(start: number, end: number, afterAs: boolean, scan: Scan): void {
  let at = start;
  let first: number | null = null;
  let bytes = 0;
  // Not in the whole text: what follows the last placeholder would be read again for each literal.
  const text = scan.source.slice(start, end);
  for (let inside = text.indexOf("$<"); inside >= 0; inside = text.indexOf("$<", at - start)) {
    const found = start + inside;
    if (afterAs && scan.source[start] === '"') throw aliasRefused(found, scan);
    const { name, end: after } = standIn(found, scan);
    if (after > end)
      throw fail(scan, "TEMPLATE_PLACEHOLDER", found, "the placeholder runs past the end of the quoted text");
    scan.out.copy(at, found);
    scan.out.replace(name, found);
    first ??= found;
    bytes += Buffer.byteLength(scan.source.slice(at, found)) + name.length;
    at = after;
  }
  // Without its quotes.
  bytes += Buffer.byteLength(scan.source.slice(at, end)) - 2;
  if (scan.source[start] === '"') refuseLongName(bytes, first, scan);
  scan.out.copy(at, end);
}

function scanOpaque(start: number, end: number, scan: Scan): void {
  const found = scan.source.slice(start, end).indexOf("$<tenant");
  if (found >= 0)
    throw fail(
      scan,
      "TEMPLATE_PLACEHOLDER",
      start + found,
      "$<tenant> cannot stand in an escaped or dollar-quoted string",
      "put it into a plain '…' literal",
    );
  scan.out.copy(start, end);
}

function scanDollarName(start: number, end: number, scan: Scan): void {
  const name = scan.source.slice(start + 1, end);
  const called = /^\s*\(/.test(scan.source.slice(end, end + 64));
  const macro = MACROS.get(name.toLowerCase());
  if (macro === undefined || macro.name !== name) {
    if (called || name.startsWith("__")) {
      throw fail(
        scan,
        "MACRO_UNKNOWN",
        start,
        `unknown macro "${name}"`,
        `known: ${[...MACROS.values()].map((known) => `$${known.name}`).join(", ")}`,
      );
    }
    throw fail(
      scan,
      "QUERY_SYNTAX",
      start,
      `$${name} is no macro, and Grafana has not replaced it`,
      "define a dashboard variable of that name, or write $<tenant> for the tenant",
    );
  }
  if (!macro.bare && !called)
    throw fail(scan, "MACRO_UNKNOWN", start, `$${name} needs parentheses`, `write ${macro.usage}`);
  noteStandIn(macroFunction(name), start, scan);
  scan.out.replace(macro.bare ? `${macroFunction(name)}()` : macroFunction(name), start);
  if (!macro.bare) scan.macroDepths.push(scan.depth + 1);
}

const BARE_INTERVAL = /^(?:\d+(?:\.\d+)?(?:ms|[smhdwMy]))+$/;

function scanNumber(start: number, end: number, scan: Scan): void {
  const text = scan.source.slice(start, end);
  // `$__timeGroup(ts, 5m)` is what Grafana makes of `$__timeGroup(ts, $__interval)`.
  if (scan.macroDepths.length > 0 && BARE_INTERVAL.test(text)) scan.out.replace(`'${text}'`, start);
  else scan.out.copy(start, end);
}

function followParentheses(mark: string, scan: Scan): void {
  if (mark === "(") scan.depth += 1;
  if (mark !== ")") return;
  if (scan.macroDepths.at(-1) === scan.depth) scan.macroDepths.pop();
  scan.depth -= 1;
}

function fail({ source }: Scan, code: ErrorCode, offset: number, message: string, hint?: string): AppError {
  return new AppError(code, message, { position: positionAt(source, offset), hint });
}
