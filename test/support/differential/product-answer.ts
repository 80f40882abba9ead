import type { DirectAnswer } from "./direct-answer.ts";
import { canonical } from "./direct-answer.ts";
import type { RandomTemplate } from "./random-template.ts";

/** The body of format `rows` with every number as a text, so that no digit is lost. */
export function readRows(body: string): readonly Readonly<Record<string, unknown>>[] {
  const quoted = body.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"#${token}"`,
  );
  return JSON.parse(quoted);
}

/** Rows of the product in the oracle's form; `expected` tells which numbers are floats. */
export function productRows(
  body: string,
  { columns }: RandomTemplate,
  types: readonly (string | undefined)[],
): DirectAnswer["rows"] {
  return readRows(body).map((row) =>
    columns.map(({ name }, index) => {
      const value = row[name];
      if (value === undefined) throw new Error(`the answer has no column ${name}`);
      if (typeof value === "boolean") return String(value);
      if (typeof value !== "string") return null;
      return canonical(value.startsWith("#") ? value.slice(1) : value, types[index]);
    }),
  );
}
