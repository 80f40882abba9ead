import { z } from "zod";
import type { ValueKind } from "../types.ts";
import type { Database } from "./database.ts";
import { federationUnavailable } from "./federation-unavailable.ts";

/** Names of the federation database's types. */
export interface TypeNames {
  /**
   * PostgreSQL's spelling of each type, without a modifier; `unknown` for an oid that no type has. Rejects with
   * FEDERATION_UNAVAILABLE when the catalogs cannot be read.
   */
  namesOf(typeOids: readonly number[]): Promise<readonly string[]>;
}

const typeRow = z.object({ oid: z.coerce.number().int(), name: z.string() });

/** Reads the names once, and again when an oid turns up that was not there. */
export function createTypeNames(database: Pick<Database, "query">): TypeNames {
  let names: ReadonlyMap<number, string> = new Map();
  let loading: Promise<void> | null = null;

  async function load(): Promise<void> {
    const rows = await database
      .query("SELECT oid::int8::text AS oid, pg_catalog.format_type(oid, -1) AS name FROM pg_catalog.pg_type")
      .catch((error: unknown) => {
        throw federationUnavailable(error);
      });
    names = new Map(rows.map((row) => typeRow.parse(row)).map((type) => [type.oid, type.name]));
  }

  async function reload(): Promise<void> {
    loading ??= load().finally(() => {
      loading = null;
    });
    await loading;
  }

  return {
    async namesOf(typeOids) {
      if (typeOids.some((oid) => !names.has(oid))) await reload();
      return typeOids.map((oid) => names.get(oid) ?? "unknown");
    },
  };
}

const NUMBERS = new Set(["smallint", "integer", "bigint", "oid", "numeric", "real", "double precision"]);
const TIMES = new Set(["timestamp without time zone", "timestamp with time zone", "date"]);

/** What the text form of a type means; `typeName` as `format_type` writes it. Unknown types are text. */
export function kindOfType(typeName: string): ValueKind {
  if (typeName.endsWith("[]")) return "array";
  if (NUMBERS.has(typeName)) return "number";
  if (TIMES.has(typeName)) return "time";
  if (typeName === "boolean") return "boolean";
  if (typeName === "json" || typeName === "jsonb") return "json";
  return "text";
}
