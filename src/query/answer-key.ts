import { cacheKey } from "../cache/cache-key.ts";
import type { Catalog, QueryRequest } from "../types.ts";
import type { SelectedTenants } from "./tenant-selection.ts";

/** Everything that an answer depends on: nothing normalised, no fingerprint (it is equal for different tenants and limits). */
export function answerKey(request: QueryRequest, catalog: Catalog, tenants: SelectedTenants): string {
  const { sql, queryName, range, intervalMs, format, params } = request;
  const parts = [
    sql,
    queryName ?? "",
    `${range.fromMs}`,
    `${range.toMs}`,
    `${intervalMs}`,
    format,
    sortedParams(params),
    catalog.version,
    tenants.key,
    String(request.staleMs),
  ];
  return cacheKey({ parts, tenants: [] });
}

/** Parameters as a text that does not depend on their order. */
export function sortedParams(params: QueryRequest["params"]): string {
  const sorted = [...params].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(sorted.map(([name, { type, value }]) => [name, type, value]));
}
