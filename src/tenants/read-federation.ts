import { z } from "zod";
import type { Database } from "../postgres/database.ts";
import type { CatalogColumn, RelationName } from "../types.ts";
import type { Place } from "./layout.ts";

/** A foreign server as `pg_foreign_server` has it. */
export interface FoundServer {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

/** A relation that reads foreign servers, or one that was asked for by name. */
export interface FoundRelation extends Place {
  readonly kind: "foreign table" | "view" | "other";
  /** Every foreign server that reading it reaches, through any number of views and partitions; sorted. */
  readonly servers: readonly string[];
  /** The option `table_name` of a foreign table, or null. */
  readonly remoteName: string | null;
  /** What is read in its place when it is a view or has partitions, through any number of others. */
  readonly reads: readonly RelationName[];
  /** The same array for all relations with the same columns. */
  readonly columns: readonly CatalogColumn[];
}

/** All that the catalog is made of. */
export interface FederationContent {
  readonly servers: readonly FoundServer[];
  readonly relations: readonly FoundRelation[];
}

const serverRow = z.object({ name: z.string(), options: z.record(z.string(), z.string()) });

const shapeRow = z.object({
  columns: z.array(z.tuple([z.string(), z.string()])),
  relations: z.array(
    z.tuple([
      z.string(),
      z.string(),
      z.enum(["foreign table", "view", "other"]),
      z.array(z.string()),
      z.string().nullable(),
      z.array(z.tuple([z.string(), z.string()])),
    ]),
  ),
});

// With only pg_catalog in the path, format_type writes the schema of every type that is not built in.
const SESSION = `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path TO pg_catalog; SET LOCAL statement_timeout TO '30s'`;

const SERVERS = `SELECT srvname AS name,
  coalesce((SELECT json_object_agg(option_name, option_value) FROM pg_options_to_table(srvoptions)), '{}') AS options
FROM pg_foreign_server ORDER BY srvname`;

// Fleets repeat themselves: 10,000 relations have a dozen lists of columns. One row for each list keeps the answer
// small and lets relations share the list. Domains count as their base type, since that is what queries compute with.
// The type modifier is -1, not NULL: format_type(bpchar, NULL) is "character", which as a cast cuts to one character.
const RELATIONS = `WITH RECURSIVE edge AS (
  SELECT DISTINCT r.ev_class AS reader, d.refobjid AS source
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm')
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
  UNION ALL
  SELECT inhparent, inhrelid FROM pg_inherits
), reach AS (
  SELECT reader, source FROM edge
  UNION
  SELECT reach.reader, edge.source FROM reach JOIN edge ON edge.reader = reach.source
), reading AS (
  SELECT ftrelid AS relation, ftserver AS server FROM pg_foreign_table
  UNION
  SELECT reach.reader, ft.ftserver FROM reach JOIN pg_foreign_table ft ON ft.ftrelid = reach.source
), read_servers AS (
  SELECT reading.relation, array_agg(s.srvname ORDER BY s.srvname) AS servers
  FROM reading JOIN pg_foreign_server s ON s.oid = reading.server GROUP BY reading.relation
), sources AS (
  SELECT reach.reader, json_agg(json_build_array(sn.nspname, sc.relname) ORDER BY sn.nspname, sc.relname) AS names
  FROM reach JOIN pg_class sc ON sc.oid = reach.source JOIN pg_namespace sn ON sn.oid = sc.relnamespace
  GROUP BY reach.reader
), wanted AS (
  SELECT c.oid FROM json_to_recordset($1::json) AS w(schema text, name text)
  JOIN pg_namespace n ON n.nspname = w.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
), listed AS (
  SELECT relation AS oid FROM read_servers UNION SELECT oid FROM wanted
), domain AS (
  SELECT oid, typbasetype AS current FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT domain.oid, t.typbasetype FROM domain JOIN pg_type t ON t.oid = domain.current WHERE t.typtype = 'd'
), domain_base AS (
  SELECT domain.oid, domain.current FROM domain JOIN pg_type t ON t.oid = domain.current WHERE t.typtype <> 'd'
), shape AS (
  SELECT a.attrelid, json_agg(json_build_array(a.attname, format_type(coalesce(b.current, a.atttypid), -1))
    ORDER BY a.attnum)::text AS columns
  FROM listed JOIN pg_attribute a ON a.attrelid = listed.oid LEFT JOIN domain_base b ON b.oid = a.atttypid
  WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid
)
SELECT coalesce(shape.columns, '[]')::json AS columns, json_agg(json_build_array(n.nspname, c.relname,
  CASE WHEN c.relkind = 'f' THEN 'foreign table' WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'other' END,
  coalesce(to_json(rs.servers), '[]'),
  (SELECT option_value FROM pg_options_to_table(ft.ftoptions) WHERE option_name = 'table_name'),
  coalesce(sources.names, '[]'))
  ORDER BY n.nspname, c.relname) AS relations
FROM listed
JOIN pg_class c ON c.oid = listed.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN shape ON shape.attrelid = c.oid
LEFT JOIN read_servers rs ON rs.relation = c.oid
LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
LEFT JOIN sources ON sources.reader = c.oid
GROUP BY shape.columns`;

/**
 * Reads the foreign servers, all relations that read any of them, and the relations in `wanted` that exist:
 * one snapshot, two statements, whatever the size of the fleet.
 */
export async function readFederation(database: Database, wanted: readonly Place[]): Promise<FederationContent> {
  return database.transaction(async (query) => {
    await query(SESSION);
    const servers = z.array(serverRow).parse(await query(SERVERS));
    const shapes = z.array(shapeRow).parse(await query(RELATIONS, [JSON.stringify(wanted)]));
    return { servers, relations: shapes.flatMap(relationsOfShape) };
  });
}

function relationsOfShape(shape: z.output<typeof shapeRow>): readonly FoundRelation[] {
  const columns = shape.columns.map(([name, type], index): CatalogColumn => ({ name, type, position: index + 1 }));
  return shape.relations.map(([schema, name, kind, servers, remoteName, reads]) => ({
    schema,
    name,
    kind,
    servers,
    remoteName,
    reads: reads.map(([sourceSchema, source]) => ({ schema: sourceSchema, name: source })),
    columns,
  }));
}
