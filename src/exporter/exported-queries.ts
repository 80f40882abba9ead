import type { Config, NamedQuery } from "../config/schema.ts";

export type ExportSettings = NonNullable<NamedQuery["export"]>;

/** A named query that is a metric too. */
export interface ExportedQuery {
  readonly queryName: string;
  readonly query: NamedQuery;
  readonly settings: ExportSettings;
}

/** Names that `/metrics` uses for Tenantry itself. */
const RESERVED_NAME = /^(?:tenantry|process|nodejs)_/;

/** The queries with an `export`, in the order of the settings. */
export function exportedQueries(queries: Config["queries"]): readonly ExportedQuery[] {
  return Object.entries(queries).flatMap(([queryName, query]) =>
    query.export === undefined ? [] : [{ queryName, query, settings: query.export }],
  );
}

/** Why the exports cannot share one `/metrics`: a sentence for each mistake, none when all is well. */
export function exportMistakes(exported: readonly ExportedQuery[]): readonly string[] {
  const mistakes: string[] = [];
  const queryOfMetric = new Map<string, string>();
  for (const { queryName, query, settings } of exported) {
    const where = `queries.${queryName}.export`;
    const other = queryOfMetric.get(settings.name);
    queryOfMetric.set(settings.name, queryName);
    if (other !== undefined)
      mistakes.push(`${where}.name: "${settings.name}" is the metric of queries.${other} already`);
    if (RESERVED_NAME.test(settings.name)) {
      mistakes.push(`${where}.name: "${settings.name}" starts like Tenantry's own metrics; choose another prefix`);
    }
    for (const [index, label] of settings.labels.entries()) {
      if (label.startsWith("__")) mistakes.push(`${where}.labels: Prometheus keeps names like "${label}" for itself`);
      if (label === settings.value) mistakes.push(`${where}.labels: "${label}" is the value already`);
      if (settings.labels.indexOf(label) !== index) mistakes.push(`${where}.labels: "${label}" is there twice`);
    }
    for (const [name, parameter] of Object.entries(query.params)) {
      if (parameter.default !== undefined) continue;
      mistakes.push(`${where}: the parameter "${name}" needs a default, since a scrape gives none`);
    }
  }
  return mistakes;
}
