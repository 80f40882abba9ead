import { cacheKey } from "../cache/cache-key.ts";
import type { Catalog, QueryRequest } from "../types.ts";
import type { SelectedTenants } from "./tenant-selection.ts";

/** Everything that an answer depends on: nothing normalised, no fingerprint (it is equal for different tenants and limits). */
export function answerKey(request: QueryRequest, catalog: Catalog, tenants: SelectedTenants): string {
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
    tenants.key,
  ];
  return cacheKey({ parts, tenants: [] });
}
