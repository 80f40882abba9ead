import type { Arm, Catalog } from "../types.ts";

/** A statement for each tenant that connects to it and reads no row; tenants without a table have none. */
export function tenantProbes(catalog: Catalog): readonly Arm[] {
  return [...catalog.tenants.values()].flatMap((tenant) => {
    const [relation] = tenant.relations.values();
    return relation === undefined ? [] : [{ tenant: tenant.name, sql: `SELECT NULL FROM ${relation.quoted} LIMIT 0` }];
  });
}
