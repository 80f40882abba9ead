import type { Config, NamedQuery } from "../config/schema.ts";

export type ExportSettings = NonNullable<NamedQuery["export"]>;

/** A named query that is a metric too. */
export interface ExportedQuery {
  readonly queryName: string;
  readonly query: NamedQuery;
  readonly settings: ExportSettings;
}

/** The queries with an `export`, in the order of the settings. */
export function exportedQueries(queries: Config["queries"]): readonly ExportedQuery[] {
  return Object.entries(queries).flatMap(([queryName, query]) =>
    query.export === undefined ? [] : [{ queryName, query, settings: query.export }],
  );
}
