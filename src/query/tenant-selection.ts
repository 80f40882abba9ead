import { cacheKey } from "../cache/cache-key.ts";
import { selectTenants } from "../plan/select-tenants.ts";
import type { Catalog, CatalogTenant, Principal } from "../types.ts";

/** The tenants of a request, and a key that is equal only where all of this is. */
export interface SelectedTenants {
  /** What the caller may see and asks for. */
  readonly tenants: readonly CatalogTenant[];
  /** All that the caller may see: what a name in the template means never depends on which of them are asked for. */
  readonly visible: readonly CatalogTenant[];
  readonly key: string;
  /** Equal only where `visible` is. */
  readonly visibleKey: string;
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

  const everything = (catalog: Catalog, principal: Principal): SelectedTenants => {
    const callers = remembered.get(catalog.tenants) ?? new WeakMap<Principal, SelectedTenants>();
    remembered.set(catalog.tenants, callers);
    const known = callers.get(principal) ?? selectAll(catalog, principal);
    callers.set(principal, known);
    return known;
  };

  return (catalog, principal, requested) => {
    const all = everything(catalog, principal);
    if (requested === null) return all;
    const tenants = selectTenants(catalog, principal, requested);
    const key = cacheKey({ parts: [all.key], tenants: namesOf(tenants) });
    return { tenants, visible: all.visible, key, visibleKey: all.key };
  };
}

function selectAll(catalog: Catalog, principal: Principal): SelectedTenants {
  const tenants = selectTenants(catalog, principal, null);
  const key = cacheKey({ parts: [], tenants: namesOf(tenants) });
  return { tenants, visible: tenants, key, visibleKey: key };
}

function namesOf(tenants: readonly CatalogTenant[]): readonly string[] {
  return tenants.map(({ name }) => name);
}
