import { z } from "zod";
import type { Database } from "../postgres/database.ts";
import { placeKey } from "./layout.ts";
import { REMOTE_TEXT } from "./remote-text.ts";

/** What onboarding finds in the federation database. */
export interface Onboarded {
  readonly serverVersion: number;
  /** Role that the admin connection runs as. */
  readonly adminRole: string;
  readonly hasExtension: boolean;
  /** Whether the domain for types that only tenants have is there. */
  readonly hasRemoteText: boolean;
  /** By name; `usable` says whether the role that runs queries has USAGE. */
  readonly schemas: ReadonlyMap<string, { readonly usable: boolean }>;
  readonly servers: ReadonlyMap<string, OnboardedServer>;
  /** Types that columns can have, as the federation database spells them, by `typeKey`. */
  readonly types: ReadonlyMap<string, string>;
  /** Every relation in the schemas that were asked for, by `placeKey`. */
  readonly relations: ReadonlyMap<string, OnboardedRelation>;
}

/** A foreign server as it is. */
export interface OnboardedServer {
  readonly wrapper: string;
  readonly options: ReadonlyMap<string, string>;
  /** By role. Null options are hidden from the admin role. */
  readonly mappings: ReadonlyMap<string, ReadonlyMap<string, string> | null>;
}

/** A relation of the federation database as it is; `columns` are those of foreign tables only. */
export interface OnboardedRelation {
  readonly schema: string;
  readonly name: string;
  /** The foreign server of a foreign table; null for other relations. */
  readonly server: string | null;
  readonly options: ReadonlyMap<string, string>;
  /** Whether the role that runs queries may read it. */
  readonly readable: boolean;
  readonly columns: readonly OnboardedColumn[];
}

/** A column of a foreign table as it is. */
export interface OnboardedColumn {
  readonly name: string;
  /** Name in the tenant's table: the option `column_name`, or the same. */
  readonly remoteName: string;
  readonly type: string;
  readonly hasTypeModifier: boolean;
}

/** Key of a type: built-in types have a null extension. */
export function typeKey(extension: string | null, name: string): string {
  return JSON.stringify([extension, name]);
}

const options = z.record(z.string(), z.string()).transform((record) => new Map(Object.entries(record)));

const settingsRow = z.object({
  version: z.coerce.number().int(),
  role: z.string(),
  extension: z.boolean(),
  remoteText: z.boolean(),
});
const schemaRow = z.object({ name: z.string(), usable: z.boolean() });
const typeRow = z.object({ name: z.string(), extension: z.string().nullable(), text: z.string() });
const serverRow = z.object({
  name: z.string(),
  wrapper: z.string(),
  options,
  mappings: z.array(z.object({ role: z.string(), options: options.nullable() })),
});
const relationRow = z.object({
  schema: z.string(),
  name: z.string(),
  server: z.string().nullable(),
  options,
  readable: z.boolean(),
  columns: z.array(
    z.object({ name: z.string(), remoteName: z.string(), type: z.string(), hasTypeModifier: z.boolean() }),
  ),
});

const SESSION = `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path TO pg_catalog; SET LOCAL statement_timeout TO '30s'`;

const SETTINGS = `SELECT current_setting('server_version_num') AS version, current_user::text AS role,
  EXISTS (SELECT FROM pg_extension WHERE extname = 'postgres_fdw') AS extension,
  EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname = $1 AND t.typname = $2 AND t.typtype = 'd') AS "remoteText"`;

const SCHEMAS =
  "SELECT nspname AS name, has_schema_privilege(coalesce($1, current_user), oid, 'USAGE') AS usable FROM pg_namespace";

// reg* types stand for names that only the tenant knows: reading one here would fail.
const TYPES = `SELECT t.typname AS name, x.extname AS extension, format_type(t.oid, -1) AS text
FROM pg_type t
LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
WHERE x.extname IS NOT NULL
  OR t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typname !~ '^reg'`;

const SERVERS = `SELECT s.srvname AS name, w.fdwname AS wrapper,
  coalesce((SELECT json_object_agg(option_name, option_value) FROM pg_options_to_table(s.srvoptions)), '{}') AS options,
  coalesce((SELECT json_agg(json_build_object('role', m.usename, 'options',
    CASE WHEN m.umoptions IS NULL AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN NULL
      ELSE coalesce((SELECT json_object_agg(option_name, option_value) FROM pg_options_to_table(m.umoptions)), '{}') END))
    FROM pg_user_mappings m WHERE m.srvid = s.oid), '[]') AS mappings
FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw`;

const RELATIONS = `SELECT n.nspname AS schema, c.relname AS name, s.srvname AS server,
  has_table_privilege(coalesce($2, current_user), c.oid, 'SELECT') AS readable,
  coalesce((SELECT json_object_agg(option_name, option_value) FROM pg_options_to_table(ft.ftoptions)), '{}') AS options,
  CASE WHEN s.oid IS NULL THEN '[]' ELSE coalesce((SELECT json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, -1), 'hasTypeModifier', a.atttypmod <> -1,
      'remoteName', coalesce((SELECT option_value FROM pg_options_to_table(a.attfdwoptions)
        WHERE option_name = 'column_name'), a.attname)) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') END AS columns
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
LEFT JOIN pg_foreign_server s ON s.oid = ft.ftserver
WHERE n.nspname = ANY($1)`;

/**
 * Reads all that onboarding compares with, in one snapshot. `schemas` are those where the tenants' tables belong;
 * a null `queryRole` stands for the role that reads.
 */
export async function readOnboarded(
  database: Database,
  queryRole: string | null,
  schemas: readonly string[],
): Promise<Onboarded> {
  return database.transaction(async (query) => {
    await query(SESSION);
    const [settings] = z.tuple([settingsRow]).parse(await query(SETTINGS, [REMOTE_TEXT.schema, REMOTE_TEXT.name]));
    const found = z.array(schemaRow).parse(await query(SCHEMAS, [queryRole]));
    const types = z.array(typeRow).parse(await query(TYPES));
    const servers = z.array(serverRow).parse(await query(SERVERS));
    const relations = z.array(relationRow).parse(await query(RELATIONS, [schemas, queryRole]));
    return {
      serverVersion: settings.version,
      adminRole: settings.role,
      hasExtension: settings.extension,
      hasRemoteText: settings.remoteText,
      schemas: new Map(found.map((schema) => [schema.name, schema])),
      types: new Map(types.map((type) => [typeKey(type.extension, type.name), type.text])),
      servers: new Map(
        servers.map(({ name, wrapper, options: own, mappings }) => [
          name,
          { wrapper, options: own, mappings: new Map(mappings.map((mapping) => [mapping.role, mapping.options])) },
        ]),
      ),
      relations: new Map(relations.map((relation) => [placeKey(relation), relation])),
    };
  });
}
