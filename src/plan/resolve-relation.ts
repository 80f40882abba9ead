import type { RelationUse } from "../sql/copied-block.ts";
import { mentionsTenant, replaceTenant } from "../template/reserved.ts";
import type { CatalogRelation, CatalogTenant } from "../types.ts";

type RelationName = Pick<RelationUse, "schema" | "name">;

/** `relationResolver` for one tenant. */
export function resolveRelation(use: RelationName, tenant: CatalogTenant): CatalogRelation | undefined {
  return relationResolver(use)(tenant);
}

/**
 * Finds the foreign table that a template's relation means for a tenant: by the relation's name where the template spells a layout
 * (`$<tenant>_entities`, `$<tenant>.entities`), otherwise by the table's own name with the tenant's in it. Undefined when it has none.
 * The name is taken apart once, for all tenants.
 */
export function relationResolver(use: RelationName): (tenant: CatalogTenant) => CatalogRelation | undefined {
  const relation = relationName(use);
  return (tenant) => (relation === null ? undefined : tenant.relations.get(relation)) ?? findByTable(use, tenant);
}

function findByTable(use: RelationName, tenant: CatalogTenant): CatalogRelation | undefined {
  const name = replaceTenant(use.name, () => tenant.name);
  const schema = use.schema === null ? null : replaceTenant(use.schema, () => tenant.name);
  for (const candidate of tenant.relations.values()) {
    if (candidate.name === name && (schema === null || candidate.schema === schema)) return candidate;
  }
  return undefined;
}

/** The relation's name as the tenants know it, or null when the template spells no layout. */
export function relationName({ schema, name }: RelationName): string | null {
  const alone = /^(__tnt_\d+__)$/;
  if (schema !== null && alone.test(schema) && !mentionsTenant(name)) return name;
  return schema === null ? (/^__tnt_\d+___(.+)$/.exec(name)?.[1] ?? null) : null;
}

/** The relation as the user wrote it. */
export function writtenName({ schema, name }: RelationName): string {
  return replaceTenant(schema === null ? name : `${schema}.${name}`, () => "$<tenant>");
}
