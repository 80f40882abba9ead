import { relationResolver } from "../plan/resolve-relation.ts";
import { isFleetRelation } from "../sql/analyse-blocks.ts";
import type { RangeVar } from "../sql/ast.ts";
import { LOCAL_SCHEMA } from "../sql/check-template.ts";
import type { ColumnFacts } from "../sql/column-scope.ts";
import type { CompileOptions } from "../sql/compile-template.ts";
import type { Catalog, CatalogRelation, CatalogTenant } from "../types.ts";

/** What a template may name, as one caller's part of a catalog has it; see `CompileOptions.columnsOf`. */
export type ColumnLookups = (catalog: Catalog, visible: readonly CatalogTenant[]) => CompileOptions["columnsOf"];

/** A caller can spell one relation in as many ways as a text may have selectors. */
const MAX_REMEMBERED = 1_000;

/**
 * `lookUpIn` that remembers what it found, for as long as somebody holds the catalog and the list of tenants: panels name the same relations
 * again, and a relation has a thousand tenants.
 */
export function createColumnLookups(): ColumnLookups {
  const remembered = new WeakMap<Catalog, WeakMap<readonly CatalogTenant[], CompileOptions["columnsOf"]>>();
  return (catalog, visible) => {
    const lookups = remembered.get(catalog) ?? new WeakMap<readonly CatalogTenant[], CompileOptions["columnsOf"]>();
    remembered.set(catalog, lookups);
    const lookup = lookups.get(visible) ?? lookUpIn(catalog, visible);
    lookups.set(visible, lookup);
    return lookup;
  };
}

function lookUpIn(catalog: Catalog, visible: readonly CatalogTenant[]): CompileOptions["columnsOf"] {
  const known = new Map<string, ReadonlyMap<string, ColumnFacts>>();
  return (relation: RangeVar): ReadonlyMap<string, ColumnFacts> | null => {
    if (!isFleetRelation(relation)) {
      const local = catalog.localRelations.get(`${relation.schemaname ?? LOCAL_SCHEMA}.${relation.relname ?? ""}`);
      return local === undefined ? null : mergeColumns([local]);
    }
    const use = { schema: relation.schemaname ?? null, name: relation.relname ?? "" };
    // A name is looked up for each mention of a column.
    const key = JSON.stringify([use.schema, use.name]);
    const found = known.get(key);
    if (found !== undefined) return found;
    const resolve = relationResolver(use);
    const columns = mergeColumns(visible.flatMap((tenant) => resolve(tenant) ?? []));
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(key, columns);
    return columns;
  };
}

/** The columns of one relation in several tenants, by name. Relations share their lists of columns, so each list is read once. */
function mergeColumns(relations: readonly CatalogRelation[]): ReadonlyMap<string, ColumnFacts> {
  const lists = new Map<CatalogRelation["columns"], number>();
  for (const { columns } of relations) lists.set(columns, (lists.get(columns) ?? 0) + 1);
  const merged = new Map<string, { types: Set<string>; count: number }>();
  for (const [columns, times] of lists) {
    for (const { name, type } of columns) {
      const column = merged.get(name) ?? { types: new Set(), count: 0 };
      column.types.add(type);
      column.count += times;
      merged.set(name, column);
    }
  }
  return new Map(
    [...merged].map(([name, { types, count }]) => [name, { types, everywhere: count === relations.length }]),
  );
}
