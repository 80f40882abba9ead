import { cacheKey } from "../cache/cache-key.ts";
import type { Catalog, CatalogTenant, QueryRequest } from "../types.ts";

/** Everything that an answer depends on: nothing normalised, no fingerprint (it is equal for different tenants and limits). */
export function answerKey(request: QueryRequest, catalog: Catalog, tenants: readonly CatalogTenant[]): string {
  const { sql, queryName, range, intervalMs, format, params } = request;
  const parameters = [...params]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { type, value }]) => [name, type, value]);
  const parts = [
    sql,
    queryName ?? "",
    `${range.fromMs}`,
    `${range.toMs}`,
    `${intervalMs}`,
    format,
    JSON.stringify(parameters),
    catalog.version,
  ];
  return cacheKey({ parts, tenants: tenants.map(({ name }) => name) });
}
