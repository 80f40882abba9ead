/**
 * The one place where SQL text is quoted. Sessions pin `standard_conforming_strings = on`, so a backslash
 * is an ordinary character in a plain literal.
 */

/** An identifier that PostgreSQL reads as exactly `name`, whatever characters it has. */
export function quoteIdentifier(name: string): string {
  if (name.length === 0 || name.includes("\0")) throw new RangeError("an identifier must have a character and no NUL");
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."name"`. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A string literal that PostgreSQL reads as exactly `text`. */
export function quoteLiteral(text: string): string {
  if (text.includes("\0")) throw new RangeError("a literal cannot hold a NUL");
  return `'${text.replaceAll("'", "''")}'`;
}
