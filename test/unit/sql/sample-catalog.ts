import { quoteQualified } from "../../../src/postgres/quote.ts";
import type { Catalog, CatalogColumn, CatalogRelation, CatalogTenant } from "../../../src/types.ts";

/** `name type, name type` as columns; positions count from 1. */
export function columnsOf(text: string): readonly CatalogColumn[] {
  return text.split(", ").map((column, index) => {
    const [name = "", ...type] = column.split(" ");
    return { name, type: type.join(" "), position: index + 1 };
  });
}

/** A foreign table of the catalog. */
export function sampleRelation(schema: string, name: string, columns: readonly CatalogColumn[]): CatalogRelation {
  return { schema, name, quoted: quoteQualified(schema, name), columns, reads: [] };
}

const TABLES = {
  entities: "id uuid, kind text, parent_id uuid, last_updated timestamp without time zone",
  orders: "id bigint, entity_id uuid, amount numeric, placed_at timestamp with time zone, status text",
  jobs: "id bigint, kind text, state text, queued_at timestamp with time zone, queued_epoch bigint",
  // A table that has a column called tenant of its own.
  members: "id bigint, tenant text, name text",
  // Tables that drifted: one tenant has columns that the other lacks.
  visits: "id bigint, kind text, seen boolean",
  clicks: "id bigint",
} as const;

const OTHER_TABLES = { ...TABLES, visits: "id bigint, tenant text", clicks: "id bigint, seen boolean" } as const;

/** One tenant whose foreign tables follow the prefix layout, in a schema of their own. */
export function sampleTenant(
  name: string,
  labels: Readonly<Record<string, string>> = {},
  tables: Readonly<Record<string, string>> = TABLES,
): CatalogTenant {
  const relations = new Map<string, CatalogRelation>(
    Object.entries(tables).map(([relation, columns]) => [
      relation,
      sampleRelation("fleet", `${name}_${relation}`, columnsOf(columns)),
    ]),
  );
  return { name, labels, state: "ready", servers: [`${name}_server`], relations };
}

/** Two tenants with names that need quoting, and one local relation. */
export function sampleCatalog(): Catalog {
  const tenants = [sampleTenant("a-b", { plan: "pro" }), sampleTenant("o'hara", { plan: "free" }, OTHER_TABLES)];
  return {
    version: "1",
    loadedAtMs: 0,
    tenants: new Map(tenants.map((tenant) => [tenant.name, tenant])),
    localRelations: new Map([
      ["public.plans", sampleRelation("public", "plans", columnsOf("plan text, price numeric"))],
    ]),
  };
}
