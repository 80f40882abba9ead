import { AppError } from "../errors.ts";
import { matchesSelector, type Selector } from "../template/selector.ts";
import type { Catalog, CatalogTenant, Principal } from "../types.ts";

/**
 * The tenants that the caller may see and the request asks for, in the catalog's order. Throws TENANT_UNKNOWN for a name that does not
 * exist or that the caller may not see: the answer is the same, so that names cannot be probed.
 */
export function selectTenants(
  catalog: Catalog,
  principal: Principal,
  requested: readonly string[] | null,
): readonly CatalogTenant[] {
  const visible = [...catalog.tenants.values()].filter((tenant) => principal.mayRead(tenant));
  if (requested === null) return visible;
  const wanted = new Set(requested);
  const selected = visible.filter((tenant) => wanted.has(tenant.name));
  if (selected.length < wanted.size) {
    const known = new Set(selected.map((tenant) => tenant.name));
    const unknown = [...wanted].filter((name) => !known.has(name)).map((name) => `"${name}"`);
    throw new AppError("TENANT_UNKNOWN", `unknown tenant ${unknown.slice(0, 5).join(", ")}`, {
      hint: knownNames(visible),
    });
  }
  return selected;
}

/** The tenants of `candidates` that a block's selector takes. */
export function matchTenants(candidates: readonly CatalogTenant[], selector: Selector): readonly CatalogTenant[] {
  return selector.items.length === 0 ? candidates : candidates.filter((tenant) => matchesSelector(selector, tenant));
}

function knownNames(visible: readonly CatalogTenant[]): string {
  if (visible.length === 0) return "no tenant is known yet; /v1/tenants lists them";
  const names = visible.slice(0, 10).map((tenant) => tenant.name);
  return `known: ${names.join(", ")}${visible.length > names.length ? `, and ${visible.length - names.length} more (see /v1/tenants)` : ""}`;
}
