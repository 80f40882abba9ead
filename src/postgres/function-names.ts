import { z } from "zod";
import type { Database } from "./database.ts";
import { federationUnavailable } from "./federation-unavailable.ts";
import { pgErrorFacts } from "./pg-error.ts";

/** How long a result holds: for ever, or within one statement. */
export type Volatility = "immutable" | "stable";

/** Names of functions, types and operators of the federation database, and what they may mean. Rejects with FEDERATION_UNAVAILABLE when they cannot be read. */
export interface FunctionNames {
  /** Names that `x.name` could call: every function with an argument, and every type that is no table's row type (`x.regclass` is a cast). */
  current(): Promise<ReadonlySet<string>>;
  /**
   * The worst over all functions and operators of a name, in whatever schema. A name is missing when one of them is volatile, an aggregate,
   * a window function or gives a set.
   */
  volatilities(): Promise<ReadonlyMap<string, Volatility>>;
}

const CALLABLE = `SELECT DISTINCT proname::text AS name FROM pg_catalog.pg_proc WHERE pronargs > 0
  UNION SELECT typname::text FROM pg_catalog.pg_type WHERE typtype <> 'c' AND typcategory <> 'A'`;

const VOLATILITIES = `
  SELECT name, CASE WHEN bool_or(stable) THEN 'stable' ELSE 'immutable' END AS volatility
  FROM (
    SELECT proname::text AS name, provolatile = 's' AS stable, provolatile <> 'v' AND prokind = 'f' AND NOT proretset AS scalar
    FROM pg_catalog.pg_proc
    UNION ALL
    SELECT oprname::text, provolatile = 's', provolatile <> 'v' AND NOT proretset
    FROM pg_catalog.pg_operator JOIN pg_catalog.pg_proc p ON p.oid = oprcode
  ) named
  GROUP BY name HAVING bool_and(scalar)`;

const MAX_AGE_MS = 30_000;
const callableRow = z.object({ name: z.string() });
const volatilityRow = z.object({ name: z.string(), volatility: z.enum(["immutable", "stable"]) });

interface Names {
  readonly callable: ReadonlySet<string>;
  readonly volatilities: ReadonlyMap<string, Volatility>;
}

/** Reads the names on first use and again when they are half a minute old. */
export function createFunctionNames(database: Pick<Database, "query">, now: () => number = Date.now): FunctionNames {
  let known: { readonly names: Promise<Names>; readonly atMs: number } | null = null;

  const read = async (): Promise<Names> => {
    const reading = Promise.all([database.query(CALLABLE), database.query(VOLATILITIES)]);
    const [callable, volatilities] = await reading.catch((error: unknown) => {
      // A right that the role lacks does not come with trying again.
      throw pgErrorFacts(error)?.sqlstate?.startsWith("42") === true ? error : federationUnavailable(error);
    });
    return {
      callable: new Set(callable.map((row) => callableRow.parse(row).name)),
      volatilities: new Map(
        volatilities.map((row) => volatilityRow.parse(row)).map(({ name, volatility }) => [name, volatility]),
      ),
    };
  };

  const latest = (): Promise<Names> => {
    if (known === null || now() - known.atMs > MAX_AGE_MS) {
      const names = read();
      known = { names, atMs: now() };
      // What could not be read is read again by the next caller.
      names.catch(() => {
        known = null;
      });
    }
    return known.names;
  };

  return {
    current: async () => (await latest()).callable,
    volatilities: async () => (await latest()).volatilities,
  };
}
