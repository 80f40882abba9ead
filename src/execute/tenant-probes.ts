import type { Arm, Catalog } from "../types.ts";

/**
 * A statement for each tenant that reaches it and asks nothing of its tables; tenants without a table have none. A condition that no row has, and that is
 * looked at when it runs, keeps PostgreSQL from reading the foreign table, for which postgres_fdw has begun a transaction by then: one round trip, which
 * no lock, right or missing relation on the tenant holds up.
 */
export function tenantProbes(catalog: Catalog): readonly Arm[] {
  return [...catalog.tenants.values()].flatMap((tenant) => {
    const [relation] = tenant.relations.values();
    return relation === undefined ? [] : [{ tenant: tenant.name, sql: probeOf(relation.quoted) }];
  });
}

/** The statement for a tenant's foreign table, whose name is quoted. */
export function probeOf(quotedRelation: string): string {
  return `SELECT NULL FROM ${quotedRelation} WHERE pg_catalog.now() IS NULL`;
}
