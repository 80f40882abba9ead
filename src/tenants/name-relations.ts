import type { CatalogRelation } from "../types.ts";
import { catalogRelation } from "./catalog-relation.ts";
import { type LayoutSettings, placeText, relationAt } from "./layout.ts";
import type { FoundRelation } from "./read-federation.ts";

/** A tenant's relations by the names that templates use, sorted by name. */
export interface NamedRelations {
  readonly relations: ReadonlyMap<string, CatalogRelation>;
  /** Sentences for the operator: relations without a name of their own. */
  readonly notices: readonly string[];
}

/**
 * Decides by which names a tenant's relations are known.
 *
 * 1. A name that follows the layout comes first: `tenant_a_people` is what `$<tenant>_people` says, whatever remote
 *    table is behind it. A view goes before a foreign table, since someone wrote it to be read instead.
 * 2. Then the option `table_name` of foreign tables, where that name is free: `tenant_a_people` over `users` is
 *    `people` and `users`. Of several over one remote table, one whose local name says nothing goes first.
 * 3. A foreign table with neither keeps its local name, which is also what postgres_fdw sends.
 */
export function nameRelations(
  settings: LayoutSettings,
  tenant: string,
  found: readonly FoundRelation[],
): NamedRelations {
  const relations = new Map<string, CatalogRelation>();
  const notices: string[] = [];
  const candidates = found
    .map((relation) => ({ relation, byLayout: relationAt(settings, tenant, relation) }))
    .sort((a, b) => rank(settings, a.relation) - rank(settings, b.relation) || comparePlaces(a.relation, b.relation));

  const claim = (name: string, relation: FoundRelation): boolean => {
    const taken = relations.get(name);
    if (taken === undefined) {
      relations.set(name, catalogRelation(relation));
      return true;
    }
    return taken.schema === relation.schema && taken.name === relation.name;
  };

  for (const { relation, byLayout } of candidates) {
    if (byLayout !== null && !claim(byLayout, relation)) {
      notices.push(`${placeText(relation)} is not used: another relation is called ${byLayout} already`);
    }
  }
  // The sort is stable and false comes first: relations that have no name yet go before those that would get a second.
  const foreignTables = candidates
    .filter(({ relation }) => relation.kind === "foreign table")
    .sort((a, b) => Number(a.byLayout !== null) - Number(b.byLayout !== null));
  for (const { relation, byLayout } of foreignTables) {
    const name = relation.remoteName ?? (byLayout === null ? relation.name : null);
    if (name !== null && !claim(name, relation) && byLayout === null) {
      notices.push(`foreign table ${placeText(relation)} is not used: another relation is called ${name} already`);
    }
  }
  return { relations: new Map([...relations].sort(([a], [b]) => (a < b ? -1 : 1))), notices };
}

function rank(settings: LayoutSettings, relation: FoundRelation): number {
  const elsewhere = settings.layout === "prefix" && relation.schema !== settings.schema;
  return (elsewhere ? 2 : 0) + (relation.kind === "view" ? 0 : 1);
}

function comparePlaces(a: FoundRelation, b: FoundRelation): number {
  if (a.schema !== b.schema) return a.schema < b.schema ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
