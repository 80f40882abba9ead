const MAX_LENGTH = 200;

/**
 * The message as an HTTP reason phrase: one line of printable ASCII, at most 200 characters. Infinity shows nothing but
 * this; a line break in it would be the caller's text becoming a header.
 */
export function reasonPhrase(message: string): string {
  const line = message
    .replace(/\s+/g, " ")
    .replace(/[^ -~]/gu, "?")
    .trim();
  return line === "" ? "Error" : line.slice(0, MAX_LENGTH);
}
