import type { Alias } from "libpg-query";
import { bindingOf, type CteScope, isFleetRelation } from "./analyse-blocks.ts";
import { fromItemsOf, outputName, pathOf, type RangeVar, type SelectStmt, sidesOf } from "./ast.ts";

/** What a name in a block can mean, as far as the catalog and the text tell. */
export interface ColumnLookup {
  readonly scopeOf: (select: SelectStmt) => CteScope;
  /** Columns of a `$<tenant>` relation in any tenant, or of a local one. */
  readonly columnsOf: (relation: RangeVar) => ReadonlySet<string>;
}

/** True when something in the select's own FROM has a column called `name`. */
export function fromHasColumn(
  select: SelectStmt,
  name: string,
  lookup: ColumnLookup,
  seen: ReadonlySet<SelectStmt> = new Set(),
): boolean {
  // A recursive WITH query may read nothing but itself.
  if (seen.has(select)) return false;
  const within = new Set([...seen, select]);
  return fromItemsOf(select).some((item) => {
    if ("RangeVar" in item) return relationHasColumn(item.RangeVar, select, name, lookup, within);
    if ("RangeSubselect" in item) {
      const query = item.RangeSubselect.subquery;
      return aliased(
        item.RangeSubselect.alias,
        name,
        () => query !== undefined && "SelectStmt" in query && outputHasColumn(query.SelectStmt, name, lookup, within),
      );
    }
    if ("RangeFunction" in item)
      return aliased(item.RangeFunction.alias, name, () => item.RangeFunction.alias?.aliasname === name);
    return false;
  });
}

/** An alias's own column names count first; those that it does not rename stay. */
function aliased(alias: Alias | undefined, name: string, inner: () => boolean): boolean {
  return pathOf(alias?.colnames).includes(name) || inner();
}

function relationHasColumn(
  relation: RangeVar,
  select: SelectStmt,
  name: string,
  lookup: ColumnLookup,
  seen: ReadonlySet<SelectStmt>,
): boolean {
  return aliased(relation.alias, name, () => {
    const binding = isFleetRelation(relation) ? undefined : bindingOf(relation, lookup.scopeOf(select));
    if (binding === undefined) return lookup.columnsOf(relation).has(name);
    // A recursive query refers to itself: what it gives is what its first member gives.
    return (
      pathOf(binding.cte.aliascolnames).includes(name) || outputHasColumn(firstSide(binding.query), name, lookup, seen)
    );
  });
}

function firstSide(select: SelectStmt): SelectStmt {
  return sidesOf(select)[0] ?? select;
}

function outputHasColumn(
  select: SelectStmt,
  name: string,
  lookup: ColumnLookup,
  seen: ReadonlySet<SelectStmt>,
): boolean {
  const first = firstSide(select);
  return (first.targetList ?? []).some((target) => {
    if (!("ResTarget" in target)) return false;
    const output = outputName(target.ResTarget);
    return output === name || (output === "*" && fromHasColumn(first, name, lookup, seen));
  });
}
