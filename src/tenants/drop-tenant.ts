import { z } from "zod";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { Database } from "../postgres/database.ts";
import { quoteIdentifier, quoteQualified } from "../postgres/quote.ts";
import { BOUND_LOCK_WAIT, ddlError } from "./ddl-error.ts";
import { tenantOfServer } from "./layout.ts";

/** The federation database, as the role that owns the servers, and the settings that name them. */
export interface DropTenantOptions {
  readonly database: Database;
  readonly config: Pick<Config, "tenants">;
}

/** One statement drops all tables: each has its own wait, while those before it are locked against every query. */
const BOUND_ALL_LOCK_WAITS = "SET LOCAL statement_timeout TO '6s'";

const server = z.object({ name: z.string() });
const foreignTable = z.object({ schema: z.string(), name: z.string() });

const FOREIGN_TABLES = `SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_foreign_table ft
JOIN pg_catalog.pg_class c ON c.oid = ft.ftrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_foreign_server s ON s.oid = ft.ftserver
WHERE s.srvname = ANY($1) ORDER BY 1, 2`;

const EMPTY_SCHEMA = `SELECT nspname AS name FROM pg_catalog.pg_namespace n WHERE nspname = $1
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid)`;

/**
 * Takes a tenant out of the federation database: its foreign tables, user mappings and servers, and in the layout
 * `schema` its schema when nothing else is in it. The tenant's database is not touched. Gives the statements that ran.
 * Throws TENANT_UNKNOWN when there is no server of that tenant, FEDERATION_UNAVAILABLE without a database, ONBOARDING_REFUSED when
 * views still read its tables, the role may not drop them, or queries hold them for seconds.
 */
export async function dropTenant(options: DropTenantOptions, tenant: string): Promise<readonly string[]> {
  const pattern = new RegExp(options.config.tenants.discover.servers, "u");
  const statements: string[] = [];
  const drop = async (query: Database["query"]): Promise<void> => {
    const run = async (sql: string) => {
      await query(sql).catch((error: unknown) => {
        throw dropError(tenant, sql, error);
      });
      statements.push(sql);
    };
    await query(BOUND_LOCK_WAIT);
    await query(BOUND_ALL_LOCK_WAITS);
    const found = z
      .array(server)
      .parse(await query("SELECT srvname AS name FROM pg_catalog.pg_foreign_server ORDER BY 1"));
    const servers = found.map(({ name }) => name).filter((name) => tenantOfServer(pattern, name) === tenant);
    if (servers.length === 0) {
      throw new AppError("TENANT_UNKNOWN", `the federation database has no foreign server of the tenant "${tenant}"`);
    }
    const tables = z.array(foreignTable).parse(await query(FOREIGN_TABLES, [servers]));
    const names = tables.map((table) => quoteQualified(table.schema, table.name));
    if (names.length > 0) await run(`DROP FOREIGN TABLE ${names.join(", ")}`);
    // Only user mappings are left behind the servers, so that CASCADE cannot reach a view.
    for (const name of servers) await run(`DROP SERVER ${quoteIdentifier(name)} CASCADE`);
    if (options.config.tenants.layout === "schema") {
      const empty = z.array(server).parse(await query(EMPTY_SCHEMA, [tenant]));
      for (const { name } of empty) await run(`DROP SCHEMA ${quoteIdentifier(name)}`);
    }
  };
  try {
    await options.database.transaction(drop);
  } catch (error) {
    throw error instanceof AppError ? error : ddlError("the federation database", null, error);
  }
  return statements;
}

function dropError(tenant: string, sql: string, error: unknown): AppError {
  // 2BP01: dependent objects still exist. Its detail lists them, all of the federation database.
  const dependents = z.object({ code: z.literal("2BP01"), detail: z.string().optional() }).safeParse(error).data;
  if (dependents === undefined) return ddlError(`tenant "${tenant}": drop`, sql, error);
  return new AppError("ONBOARDING_REFUSED", `tenant "${tenant}": something else reads its foreign tables`, {
    hint: `drop it first: ${dependents.detail ?? "see pg_depend"}`,
    cause: error,
  });
}
