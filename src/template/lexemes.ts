import { AppError, positionAt } from "../errors.ts";

export type LexemeKind =
  | "comment"
  /** `'…'`, `N'…'` and `"…"`: placeholders inside count. */
  | "quoted"
  /** `E'…'`, `U&'…'`, `U&"…"`, `B'…'`, `X'…'` and dollar quotes: placeholders inside cannot work. */
  | "opaque"
  | "word"
  | "number"
  /** `$<name:…>`, with its name in `name` and what stands after the colon in `selector`. */
  | "placeholder"
  /** `$name`, without what follows. */
  | "dollarName"
  | "space"
  /** Any other single character. */
  | "mark";

export interface Lexeme {
  readonly kind: LexemeKind;
  readonly start: number;
  readonly end: number;
}

const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*/y;
// `$` may stand inside a word, but `$<` begins a placeholder that is glued to it.
const WORD_PART = /(?:[A-Za-z0-9_\u0080-\uffff]|\$(?!<))+/y;
const NUMBER = /[0-9][0-9A-Za-z_.]*/y;
const SPACE = /\s+/y;
const STRING_PREFIX = /(?:[EeBbXxNn]|[Uu]&)'|[Uu]&"|'|"/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const DOLLAR_NAME = /\$[A-Za-z_][A-Za-z0-9_]*/y;

/** Between the angle brackets everything up to `>` counts, except within double quotes. */
const PLACEHOLDER = /\$<(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?<selector>(?:[^">]|"[^"]*")*))?>/y;

/** The match of a sticky pattern at `at`. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * Cuts a template into lexemes by PostgreSQL's lexical rules (with `standard_conforming_strings` on), except that `$<…>` is a lexeme of
 * its own. They follow one another without gaps. Throws QUERY_SYNTAX for what does not end, TEMPLATE_PLACEHOLDER for a `$<` that is none.
 */
export function* lexemes(source: string): Generator<Lexeme> {
  for (let at = 0; at < source.length; ) {
    const [kind, end] = lexemeAt(source, at);
    yield { kind, start: at, end };
    at = end;
  }
}

function lexemeAt(source: string, at: number): readonly [LexemeKind, number] {
  if (source.startsWith("--", at)) return ["comment", endOfLine(source, at)];
  if (source.startsWith("/*", at)) return ["comment", endOfComment(source, at)];
  if (source.startsWith("$<", at)) return ["placeholder", at + placeholderAt(source, at)[0].length];
  const prefix = matchAt(STRING_PREFIX, source, at)?.[0];
  if (prefix !== undefined) return [/^[EeBbXxUu]/.test(prefix) ? "opaque" : "quoted", endOfString(source, at, prefix)];
  const dollarQuote = matchAt(DOLLAR_QUOTE, source, at)?.[0];
  if (dollarQuote !== undefined) return ["opaque", endOfDollarQuote(source, at, dollarQuote)];
  for (const [kind, pattern] of SIMPLE) {
    const length = matchAt(pattern, source, at)?.[0].length ?? 0;
    if (length > 0)
      return [
        kind,
        kind === "word" ? at + length + (matchAt(WORD_PART, source, at + length)?.[0].length ?? 0) : at + length,
      ];
  }
  return ["mark", at + 1];
}

const SIMPLE: readonly (readonly [LexemeKind, RegExp])[] = [
  ["dollarName", DOLLAR_NAME],
  ["number", NUMBER],
  ["word", WORD],
  ["space", SPACE],
];

function endOfLine(source: string, at: number): number {
  // PostgreSQL ends such a comment at a carriage return, too.
  const length = source.slice(at).search(/[\r\n]/);
  return length < 0 ? source.length : at + length;
}

/** Comments nest, unlike in C. */
function endOfComment(source: string, at: number): number {
  let nesting = 0;
  for (const match of source.slice(at).matchAll(/\/\*|\*\//g)) {
    nesting += match[0] === "/*" ? 1 : -1;
    if (nesting === 0) return at + match.index + 2;
  }
  throw unterminated(source, at, "comment");
}

/** The placeholder at `at`, where `$<` stands. Throws TEMPLATE_PLACEHOLDER when it does not end. */
export function placeholderAt(source: string, at: number): RegExpExecArray {
  const match = matchAt(PLACEHOLDER, source, at);
  if (match !== null) return match;
  throw new AppError("TEMPLATE_PLACEHOLDER", "a placeholder begins here but does not end", {
    position: positionAt(source, at),
    hint: "write $<tenant> or $<tenant:selector>",
  });
}

function endOfString(source: string, at: number, prefix: string): number {
  const quote = prefix.at(-1) ?? "'";
  const backslash = /^[Ee]/.test(prefix);
  for (let index = at + prefix.length; index < source.length; index += 1) {
    if (backslash && source[index] === "\\") index += 1;
    else if (source[index] === quote) {
      if (source[index + 1] !== quote) return index + 1;
      index += 1;
    }
  }
  throw unterminated(source, at, quote === '"' ? "quoted identifier" : "string");
}

function endOfDollarQuote(source: string, at: number, quote: string): number {
  const end = source.indexOf(quote, at + quote.length);
  if (end < 0) throw unterminated(source, at, "dollar-quoted string");
  return end + quote.length;
}

function unterminated(source: string, at: number, what: string): AppError {
  return new AppError("QUERY_SYNTAX", `unterminated ${what}`, {
    position: positionAt(source, at),
    hint: "it begins here and never ends",
  });
}
