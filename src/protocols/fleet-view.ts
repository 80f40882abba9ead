import { AppError } from "../errors.ts";
import type { Catalog, CatalogTenant, Principal } from "../types.ts";

/** The part of the fleet that a caller may see. */
export interface FleetView {
  /** Sorted by name. */
  readonly tenants: readonly CatalogTenant[];
  /** Keys of the labels that these tenants have, sorted. */
  readonly labelKeys: readonly string[];
}

/** The caller's view of the catalog. Throws FEDERATION_UNAVAILABLE while there is none. */
export function viewFleet(catalog: Catalog | null, principal: Principal): FleetView {
  if (catalog === null) {
    throw new AppError("FEDERATION_UNAVAILABLE", "no catalog is loaded yet", {
      retryAfterSeconds: 5,
      hint: "GET /readyz tells why",
    });
  }
  const tenants = [...catalog.tenants.values()].filter((tenant) => principal.mayRead(tenant));
  return { tenants, labelKeys: [...new Set(tenants.flatMap((tenant) => Object.keys(tenant.labels)))].sort() };
}

/** The label's value, or an empty text where the tenant lacks the label. */
export function labelOf(tenant: CatalogTenant, key: string): string {
  return Object.hasOwn(tenant.labels, key) ? (tenant.labels[key] ?? "") : "";
}

/** The values that the label has in the fleet, sorted. */
export function labelValues(fleet: FleetView, key: string): readonly string[] {
  return [...new Set(fleet.tenants.map((tenant) => labelOf(tenant, key)))].filter((value) => value !== "").sort();
}
