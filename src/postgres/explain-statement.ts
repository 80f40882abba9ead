import { z } from "zod";
import type { RawClient } from "./raw-client.ts";

export interface ExplainOptions {
  /** How many parameters the statement has; it is planned with a null for each. */
  readonly parameters: number;
}

const TEXT_FORM = { getTypeParser: () => (value: string) => value };
const explained = z.array(z.tuple([z.string()]));

/** The plan of a statement, as `EXPLAIN (VERBOSE, FORMAT JSON)` gives it. Planning runs nothing, so it needs no transaction of its own. */
export async function explainStatement(
  client: RawClient,
  sql: string,
  { parameters }: ExplainOptions,
): Promise<unknown> {
  const text = `EXPLAIN (VERBOSE, FORMAT JSON) ${sql}`;
  const values = Array.from({ length: parameters }, () => null);
  // The extended protocol takes no second statement.
  const plan = await client.query({ text, values, queryMode: "extended", rowMode: "array", types: TEXT_FORM });
  return JSON.parse(explained.parse(plan.rows)[0]?.[0] ?? "null");
}
