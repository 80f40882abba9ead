import { quoteIdentifier } from "../postgres/quote.ts";
import type { CatalogColumn } from "../types.ts";
import type { Shape, ShapeMember } from "./planned-block.ts";

/**
 * Gives every tenant's relation the columns of all: the union of the shapes' columns, by smallest position, then name. A tenant without
 * a column gives a null of its type, so that `*` means the same everywhere. Returns the FROM items of one tenant.
 */
export function paddedRelations(shapes: readonly Shape[]): (member: ShapeMember) => readonly string[] {
  const count = shapes[0]?.members[0]?.relations.length ?? 0;
  const fleet = Array.from({ length: count }, (_, index) =>
    fleetColumns(shapes.flatMap((shape) => shape.members[0]?.relations[index]?.columns ?? [])),
  );
  return (member) =>
    member.relations.map((relation, index) => {
      const own = new Set(relation.columns.map(({ name }) => name));
      const columns = (fleet[index] ?? []).map(({ name, type }) =>
        own.has(name) ? quoteIdentifier(name) : `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`,
      );
      return `(SELECT ${columns.join(", ")} FROM ${relation.quoted})`;
    });
}

/** The FROM items of one tenant as they are. */
export function unpaddedRelations({ relations }: ShapeMember): readonly string[] {
  return relations.map(({ quoted }) => quoted);
}

function fleetColumns(columns: readonly CatalogColumn[]): readonly CatalogColumn[] {
  const first = new Map<string, CatalogColumn>();
  for (const column of columns) {
    const known = first.get(column.name);
    if (known === undefined || column.position < known.position) first.set(column.name, column);
  }
  return [...first.values()].sort((a, b) => a.position - b.position || (a.name < b.name ? -1 : 1));
}
