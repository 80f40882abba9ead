import { quoteIdentifier, quoteQualified } from "../src/postgres/quote.ts";
import type { Catalog, CatalogColumn, CatalogRelation, CatalogTenant } from "../src/types.ts";
import { openOneSession } from "./hand-written.ts";

const SCHEMA = "synthetic";

/** Columns of the relations that every tenant has, as `name type`. */
const RELATIONS: Readonly<Record<string, string>> = {
  readings: "id bigint, kind text, at timestamptz, happened timestamp, amount numeric, n integer",
  entities: "id uuid, kind text, last_updated timestamp",
  orders: "id bigint, entity_id uuid, amount numeric, placed_at timestamptz, status text",
  jobs: "id bigint, kind text, state text, queued_at timestamptz, finished_at timestamptz",
};

/** One tenant in forty has not got the newest column of `readings`, which no template names: a second shape, as fleets have them. */
const BEHIND_EVERY = 40;
const READINGS_BEHIND = "id bigint, kind text, at timestamptz, happened timestamp, amount numeric";

const TYPE_NAMES: Readonly<Record<string, string>> = {
  timestamptz: "timestamp with time zone",
  timestamp: "timestamp without time zone",
};

/** A catalog as reading a federation database gives it; relations with the same columns share their list. */
export function syntheticCatalog(tenants: number): Catalog {
  const lists = new Map<string, readonly CatalogColumn[]>();
  const listOf = (text: string): readonly CatalogColumn[] => {
    const list = lists.get(text) ?? columnsOf(text);
    lists.set(text, list);
    return list;
  };
  const tenantOf = (index: number): CatalogTenant => {
    const name = tenantName(index);
    const relations = relationsOf(index).map(([relation, columns]): [string, CatalogRelation] => [
      relation,
      { ...namedRelation(SCHEMA, `${name}_${relation}`), columns: listOf(columns) },
    ]);
    return { name, labels: { plan: "pro" }, state: "ready", servers: [SCHEMA], relations: new Map(relations) };
  };
  return {
    version: `synthetic ${tenants}`,
    loadedAtMs: 0,
    tenants: new Map(Array.from({ length: tenants }, (_, index) => [tenantName(index), tenantOf(index)])),
    localRelations: new Map(),
  };
}

/** Makes the foreign tables of `syntheticCatalog(tenants)`, which can be described and not be read: no server is behind them. */
export async function createSyntheticTables(adminUrl: string, tenants: number): Promise<void> {
  const statements = [
    `CREATE SCHEMA ${quoteIdentifier(SCHEMA)}`,
    `CREATE SERVER ${quoteIdentifier(SCHEMA)} FOREIGN DATA WRAPPER postgres_fdw`,
    `CREATE USER MAPPING FOR CURRENT_USER SERVER ${quoteIdentifier(SCHEMA)}`,
  ];
  for (let index = 0; index < tenants; index++) {
    for (const [relation, columns] of relationsOf(index)) {
      const table = quoteQualified(SCHEMA, `${tenantName(index)}_${relation}`);
      statements.push(`CREATE FOREIGN TABLE ${table} (${columns}) SERVER ${quoteIdentifier(SCHEMA)}`);
    }
  }
  const database = openOneSession(adminUrl);
  try {
    await database.query(statements.join(";\n"));
  } finally {
    await database.close();
  }
}

function tenantName(index: number): string {
  return `tenant_${String(index).padStart(4, "0")}`;
}

function relationsOf(index: number): readonly (readonly [string, string])[] {
  const behind = index % BEHIND_EVERY === BEHIND_EVERY - 1;
  return Object.entries(RELATIONS).map(([relation, columns]) => [
    relation,
    behind && relation === "readings" ? READINGS_BEHIND : columns,
  ]);
}

function columnsOf(text: string): readonly CatalogColumn[] {
  return text.split(", ").map((column, index) => {
    const [name = "", type = ""] = column.split(" ");
    return { name, type: TYPE_NAMES[type] ?? type, position: index + 1 };
  });
}

function namedRelation(schema: string, name: string): Omit<CatalogRelation, "columns"> {
  return { schema, name, quoted: quoteQualified(schema, name), reads: [] };
}
