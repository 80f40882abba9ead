import { z } from "zod";
import { AppError } from "../errors.ts";
import { matchesSelector, parseSelector, type Selector } from "../template/selector.ts";
import type { CatalogTenant } from "../types.ts";
import { type FleetView, labelOf } from "./fleet-view.ts";

/** One of Grafana's ad hoc filters, as the datasources send it. */
export const adHocFilterSchema = z.looseObject({
  key: z.string(),
  operator: z.string().default("="),
  value: z.string().nullish(),
  values: z.array(z.string()).nullish(),
});
export type AdHocFilter = z.output<typeof adHocFilterSchema>;

const OPERATORS = ["=", "!=", "=~", "!~", "=|", "!=|"];

/**
 * Names of the visible tenants that pass every filter; null, which means all, when there are no filters. A key is the
 * tenant (`tenant` or the tenant column's name) or a label. Patterns match the whole value, as in Prometheus.
 * Throws REQUEST_INVALID for an unknown key or operator: a filter that is left out would show too much.
 */
export function applyAdHocFilters(
  filters: readonly AdHocFilter[],
  fleet: () => FleetView,
  tenantColumn: string,
): readonly string[] | null {
  if (filters.length === 0) return null;
  const { tenants, labelKeys } = fleet();
  const tests = filters.map((filter) => compileFilter(filter, { tenantColumn, labelKeys }));
  return tenants.filter((tenant) => tests.every((passes) => passes(tenant))).map((tenant) => tenant.name);
}

/** The names that are in both lists; null is all. */
export function intersectTenants(
  one: readonly string[] | null,
  other: readonly string[] | null,
): readonly string[] | null {
  if (one === null || other === null) return one ?? other;
  const names = new Set(other);
  return one.filter((name) => names.has(name));
}

function compileFilter(
  filter: AdHocFilter,
  { tenantColumn, labelKeys }: { tenantColumn: string; labelKeys: readonly string[] },
): (tenant: CatalogTenant) => boolean {
  const { key, operator } = filter;
  const isTenant = key === "tenant" || key === tenantColumn;
  if (!isTenant && !labelKeys.includes(key)) {
    throw new AppError("REQUEST_INVALID", `filter: no tenant has a label "${key.slice(0, 60)}"`, {
      hint: `known: ${[tenantColumn, ...labelKeys].join(", ")}`,
    });
  }
  if (!OPERATORS.includes(operator)) {
    throw new AppError(
      "REQUEST_INVALID",
      `filter on "${key}": the operator ${operator.slice(0, 20)} is not supported`,
      {
        hint: `supported: ${OPERATORS.join(" ")}`,
      },
    );
  }
  const negated = operator.startsWith("!");
  const compared = (tenant: CatalogTenant) => (isTenant ? tenant.name : labelOf(tenant, key));
  if (operator.endsWith("~")) {
    const pattern = compilePattern(key, filter.value ?? "");
    // The selector reads a tenant's name; whatever is compared stands in for it.
    return (tenant) => matchesSelector(pattern, { name: compared(tenant), labels: {} }) !== negated;
  }
  const values = new Set(operator.endsWith("|") && filter.values ? filter.values : [filter.value ?? ""]);
  return (tenant) => values.has(compared(tenant)) !== negated;
}

function compilePattern(key: string, source: string): Selector {
  try {
    if (source.includes('"')) throw new AppError("TEMPLATE_SELECTOR", 'a pattern may not contain "');
    return parseSelector(`~"^(?:${source})$"`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("REQUEST_INVALID", `filter on "${key}": "${source.slice(0, 60)}" cannot be used as a pattern`, {
      hint: "write an RE2 regular expression without double quotes, at most 250 characters",
      cause: error,
    });
  }
}
