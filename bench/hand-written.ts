import { createDatabase, type Database } from "../src/postgres/database.ts";
import { quoteIdentifier, quoteLiteral, quoteQualified } from "../src/postgres/quote.ts";
import type { Testbed } from "./testbed.ts";

/** Foreign tables as people create them by hand, without any option that they would have to know of. */
export interface HandWrittenTables {
  /** The quoted name of a tenant's table. */
  tableOf(tenant: string): string;
}

export interface HandWrittenOptions {
  readonly schema: string;
  readonly serverOptions: Readonly<Record<string, string>>;
  /** `entities` when absent. */
  readonly table?: { readonly name: string; readonly columns: string };
}

const ENTITIES = { name: "entities", columns: "id uuid, kind text, last_updated timestamp" };

/** Creates a schema with one server and one table for each tenant, beside those that Tenantry made. */
export async function createHandWrittenTables(
  { adminUrl, tenants }: Testbed,
  { schema, serverOptions, table = ENTITIES }: HandWrittenOptions,
): Promise<HandWrittenTables> {
  const tableOf = (tenant: string): string => quoteQualified(schema, `${tenant}_${table.name}`);
  const statements = tenants.flatMap(({ name, url }) => {
    const { hostname, port, pathname, username, password } = new URL(url);
    const server = quoteIdentifier(`${schema}_${name}`);
    const place = { host: hostname, port, dbname: decodeURIComponent(pathname.slice(1)), ...serverOptions };
    return [
      `CREATE SERVER ${server} FOREIGN DATA WRAPPER postgres_fdw ${optionList(place)}`,
      `CREATE USER MAPPING FOR CURRENT_USER SERVER ${server} ${optionList({ user: username, password })}`,
      `CREATE FOREIGN TABLE ${tableOf(name)} (${table.columns})
         SERVER ${server} ${optionList({ schema_name: "public", table_name: table.name })}`,
    ];
  });
  const database = openOneSession(adminUrl);
  try {
    await database.query([`CREATE SCHEMA ${quoteIdentifier(schema)}`, ...statements].join(";\n"));
  } finally {
    await database.close();
  }
  return { tableOf };
}

/** One connection, opened by the first statement and kept; statements without values go by the simple protocol. */
export function openOneSession(url: string): Database {
  return createDatabase({
    url,
    applicationName: "tenantry-bench",
    maxConnections: 1,
    connectTimeoutMs: 30_000,
    idleTimeoutMs: 0,
  });
}

function optionList(options: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(options).map(([name, value]) => `${quoteIdentifier(name)} ${quoteLiteral(value)}`);
  return `OPTIONS (${pairs.join(", ")})`;
}
