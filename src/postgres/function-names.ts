import { z } from "zod";
import type { Database } from "./database.ts";

/** Names that `x.name` could call. */
export interface FunctionNames {
  /** Every function with an argument, and every type that is no table's row type: `x.regclass` is a cast. */
  current(): Promise<ReadonlySet<string>>;
}

const QUERY = `SELECT DISTINCT proname::text AS name FROM pg_catalog.pg_proc WHERE pronargs > 0
  UNION SELECT typname::text FROM pg_catalog.pg_type WHERE typtype <> 'c' AND typcategory <> 'A'`;

const MAX_AGE_MS = 30_000;
const row = z.object({ name: z.string() });

/** Reads the names on first use and again when they are half a minute old. */
export function createFunctionNames(database: Pick<Database, "query">, now: () => number = Date.now): FunctionNames {
  let known: { readonly names: Promise<ReadonlySet<string>>; readonly atMs: number } | null = null;

  const read = async (): Promise<ReadonlySet<string>> =>
    new Set((await database.query(QUERY)).map((found) => row.parse(found).name));

  return {
    current() {
      if (known === null || now() - known.atMs > MAX_AGE_MS) {
        const names = read();
        known = { names, atMs: now() };
        // What could not be read is read again by the next caller.
        names.catch(() => {
          known = null;
        });
      }
      return known.names;
    },
  };
}
