import { cacheKey } from "../cache/cache-key.ts";
import { selectTenants } from "../plan/select-tenants.ts";
import type { Catalog, CatalogTenant, Principal } from "../types.ts";

/** The tenants of a request, and a key that is equal for equal tenants only. */
export interface SelectedTenants {
  readonly tenants: readonly CatalogTenant[];
  readonly key: string;
}

export type TenantSelection = (
  catalog: Catalog,
  principal: Principal,
  requested: readonly string[] | null,
) => SelectedTenants;

/**
 * `selectTenants` that remembers what each caller may see, for as long as the catalog's tenants stay the same: most requests ask for all
 * of them, and choosing and hashing a thousand names for each would cost more than the rest of a cache hit.
 */
export function createTenantSelection(): TenantSelection {
  const remembered = new WeakMap<Catalog["tenants"], WeakMap<Principal, SelectedTenants>>();

  const select: TenantSelection = (catalog, principal, requested) => {
    const tenants = selectTenants(catalog, principal, requested);
    return { tenants, key: cacheKey({ parts: [], tenants: tenants.map(({ name }) => name) }) };
  };

  return (catalog, principal, requested) => {
    if (requested !== null) return select(catalog, principal, requested);
    const callers = remembered.get(catalog.tenants) ?? new WeakMap<Principal, SelectedTenants>();
    remembered.set(catalog.tenants, callers);
    const known = callers.get(principal) ?? select(catalog, principal, null);
    callers.set(principal, known);
    return known;
  };
}
