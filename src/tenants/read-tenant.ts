import { z } from "zod";
import { AppError } from "../errors.ts";
import type { Database } from "../postgres/database.ts";

/** A column's type as the tenant has it, with domains undone. */
export interface RemoteType {
  /** Name in `pg_type`, of the element for arrays. */
  readonly name: string;
  readonly isArray: boolean;
  /** `built in`, the name of the extension that it belongs to, or what kind of type the tenant made of its own. */
  readonly origin: { readonly kind: "built in" | "own" } | { readonly kind: "extension"; readonly extension: string };
  /** As people write it: `public.mood`, `numeric`. */
  readonly text: string;
}

/** A column of a tenant's relation. */
export interface RemoteColumn {
  readonly name: string;
  readonly type: RemoteType;
  /** Whether the login of the registry url may read it. */
  readonly readable: boolean;
}

/** A table, partitioned table, view or materialized view of a tenant. */
export interface RemoteRelation {
  readonly name: string;
  /** A partition, or a member of an extension: onboarded when named exactly, not by a `*`. */
  readonly secondary: boolean;
  readonly columns: readonly RemoteColumn[];
}

const row = z.object({
  name: z.string(),
  secondary: z.boolean(),
  columns: z.array(
    z.object({
      name: z.string(),
      readable: z.boolean(),
      type: z.string(),
      text: z.string(),
      isArray: z.boolean(),
      builtIn: z.boolean(),
      extension: z.string().nullable(),
    }),
  ),
});

const SESSION = `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path TO pg_catalog; SET LOCAL statement_timeout TO '30s'`;

const SCHEMA = "SELECT has_schema_privilege(oid, 'USAGE') AS usable FROM pg_namespace WHERE nspname = $1";

// `chain` follows a type through its domains and once through an array to its element. An element is looked up by
// typarray, since int2vector and oidvector have elements too and are no arrays.
const RELATIONS = `WITH RECURSIVE relation AS (
  SELECT c.oid, c.relname, c.relispartition OR EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS secondary
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm')
), attribute AS (
  SELECT a.attrelid, a.attname, a.attnum, a.atttypid
  FROM relation JOIN pg_attribute a ON a.attrelid = relation.oid WHERE a.attnum > 0 AND NOT a.attisdropped
), chain(declared, current, is_array) AS (
  SELECT DISTINCT atttypid, atttypid, false FROM attribute
  UNION ALL
  SELECT chain.declared, coalesce(e.oid, t.typbasetype), chain.is_array OR e.oid IS NOT NULL
  FROM chain JOIN pg_type t ON t.oid = chain.current
  LEFT JOIN pg_type e ON e.typarray = t.oid AND NOT chain.is_array
  WHERE t.typtype = 'd' OR e.oid IS NOT NULL
), type AS (
  SELECT chain.declared, chain.is_array, t.oid, t.typname AS name, x.extname AS extension,
    t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid) AS built_in
  FROM chain JOIN pg_type t ON t.oid = chain.current
  LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
  LEFT JOIN pg_extension x ON x.oid = d.refobjid
  WHERE NOT (t.typtype = 'd' OR (NOT chain.is_array AND EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)))
)
SELECT relation.relname AS name, relation.secondary, coalesce(json_agg(json_build_object(
    'name', a.attname, 'readable', has_column_privilege(a.attrelid, a.attnum, 'SELECT'), 'type', type.name,
    'text', format_type(a.atttypid, -1), 'isArray', type.is_array, 'builtIn', type.built_in, 'extension', type.extension)
  ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '[]') AS columns
FROM relation
LEFT JOIN attribute a ON a.attrelid = relation.oid
LEFT JOIN type ON type.declared = a.atttypid
GROUP BY relation.oid, relation.relname, relation.secondary ORDER BY relation.relname`;

/**
 * Reads the tables, partitioned tables, views and materialized views of one schema, with their columns.
 * Throws ONBOARDING_REFUSED when the schema is not there or the login may not use it; other errors are `pg`'s.
 */
export async function readTenant(
  database: Database,
  tenant: string,
  schema: string,
): Promise<readonly RemoteRelation[]> {
  return database.transaction(async (query) => {
    await query(SESSION);
    const [found] = z.array(z.object({ usable: z.boolean() })).parse(await query(SCHEMA, [schema]));
    if (found?.usable !== true) {
      const why = found === undefined ? "does not exist" : "may not be used by the url's login";
      throw new AppError("ONBOARDING_REFUSED", `tenant "${tenant}": its schema "${schema}" ${why}`);
    }
    const rows = z.array(row).parse(await query(RELATIONS, [schema]));
    return rows.map(({ name, secondary, columns }) => ({ name, secondary, columns: columns.map(remoteColumn) }));
  });
}

function remoteColumn(column: z.output<typeof row>["columns"][number]): RemoteColumn {
  const { name, readable, type, text, isArray, builtIn, extension } = column;
  const origin =
    extension === null
      ? ({ kind: builtIn ? "built in" : "own" } as const)
      : ({ kind: "extension", extension } as const);
  return { name, readable, type: { name: type, isArray, origin, text } };
}
