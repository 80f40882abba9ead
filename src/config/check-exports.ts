import type { Mistake } from "./mistakes.ts";
import type { Config, NamedQuery } from "./schema.ts";

/** Beginnings of the names that `/metrics` uses for Tenantry itself. */
const OWN_METRIC = /^(?:tenantry|process|nodejs)_/;

/** Why the named queries with an `export` cannot share one `/metrics`: every mistake, none when all is well. */
export function exportMistakes(queries: Config["queries"]): readonly Mistake[] {
  const owners = new Map<string, string>();
  return Object.entries(queries).flatMap(([name, query]) => {
    if (query.export === undefined) return [];
    const owner = owners.get(query.export.name);
    if (owner === undefined) owners.set(query.export.name, name);
    return [
      ...nameMistakes(name, query.export.name, owner),
      ...labelMistakes(name, query.export),
      ...missingDefaults(name, query),
    ];
  });
}

function nameMistakes(query: string, metric: string, owner: string | undefined): readonly Mistake[] {
  const path = ["queries", query, "export", "name"];
  const own = OWN_METRIC.exec(metric)?.[0];
  return [
    ...(own === undefined ? [] : [{ path, text: `"${metric}": ${own} is for Tenantry's own metrics` }]),
    ...(owner === undefined ? [] : [{ path, text: `"${metric}" is already the metric of queries.${owner}` }]),
  ];
}

function labelMistakes(query: string, { labels, value }: NonNullable<NamedQuery["export"]>): readonly Mistake[] {
  return labels.flatMap((label, index) => {
    const path = ["queries", query, "export", "labels", index];
    if (label === value) return [{ path, text: `"${label}" is the column of the sample's value` }];
    if (labels.indexOf(label) !== index) return [{ path, text: `"${label}" is listed twice` }];
    return label.startsWith("__") ? [{ path, text: `"${label}": Prometheus keeps names with __ for itself` }] : [];
  });
}

function missingDefaults(query: string, { params }: NamedQuery): readonly Mistake[] {
  return Object.entries(params).flatMap(([param, declared]) =>
    declared.default === undefined
      ? [
          {
            path: ["queries", query, "params", param],
            text: "needs a default: the query is exported, and a scrape gives no values",
          },
        ]
      : [],
  );
}
