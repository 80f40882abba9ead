/** Turns PostgreSQL's text form of one value, never NULL, into JSON text. */
export type EncodeValue = (text: string) => string;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that JSON must escape
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** `JSON.stringify` of a string, in half its time (measured) when nothing needs an escape. Lone surrogates are escaped. */
export function quoteJson(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}
