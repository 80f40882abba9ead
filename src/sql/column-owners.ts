import { isFleetRelation } from "./analyse-blocks.ts";
import { fromItemsOf, type Node, outputName, pathOf, type RangeVar, type SelectStmt, sidesOf } from "./ast.ts";
import { type ColumnLookup, someJoin } from "./column-scope.ts";
import { bindingOf } from "./cte-scope.ts";

/** What a name without a qualifier means, by the columns of the whole fleet. */
export type NameMeaning =
  /** A column that each of `relations`, all of them `$<tenant>` ones, must have; empty where no tenant can lack it. */
  | { readonly kind: "column"; readonly relations: readonly RangeVar[] }
  /** Several `$<tenant>` relations have it in some tenants, and none in all. */
  | { readonly kind: "ambiguous"; readonly relations: readonly RangeVar[] };

const CERTAIN: NameMeaning = { kind: "column", relations: [] };

/** A FROM item that has a column: the drifted relations that it comes from, none where every tenant has it. */
type Source = readonly RangeVar[];

/**
 * What the bare column `name` means in the innermost SELECT of `chain`, outermost first: the innermost SELECT whose FROM has it in any
 * tenant decides. PostgreSQL would look at one tenant's tables and, where one lacks the column, find another of that name further out.
 */
export function meaningOf(name: string, chain: readonly SelectStmt[], lookup: ColumnLookup): NameMeaning {
  for (const select of chain.toReversed()) {
    const sources = sourcesIn(select, name, lookup, new Set());
    if (sources === null) return CERTAIN;
    if (sources.length === 0) continue;
    const [first = []] = sources;
    if (sources.length === 1) return { kind: "column", relations: first };
    // A merged column is one that PostgreSQL requires on both sides; of two that every tenant has, it says itself that they are ambiguous.
    if (sources.some((source) => source.length === 0) || mergesColumn(select, name)) return CERTAIN;
    return { kind: "ambiguous", relations: sources.flat() };
  }
  return CERTAIN;
}

/** True when the select's own FROM has the column in any tenant. */
export function ownsColumn(select: SelectStmt, name: string, lookup: ColumnLookup): boolean {
  return sourcesIn(select, name, lookup, new Set())?.length !== 0;
}

/** The FROM items that have the column; null where that cannot be told. */
function sourcesIn(
  select: SelectStmt,
  name: string,
  lookup: ColumnLookup,
  seen: ReadonlySet<SelectStmt>,
): readonly Source[] | null {
  const sources: Source[] = [];
  for (const item of fromItemsOf(select)) {
    const source = sourceIn(item, select, name, lookup, seen);
    if (source === null) return null;
    if (source !== undefined) sources.push(source);
  }
  return renamesJoin(select) ? null : sources;
}

/** Undefined when the item has no such column, null when that cannot be told. */
function sourceIn(
  item: Node,
  select: SelectStmt,
  name: string,
  lookup: ColumnLookup,
  seen: ReadonlySet<SelectStmt>,
): Source | undefined | null {
  if ("RangeVar" in item) {
    const relation = item.RangeVar;
    if (relation.alias?.colnames !== undefined) return null;
    const binding = isFleetRelation(relation) ? undefined : bindingOf(relation, lookup.scopeOf(select));
    if (binding === undefined) {
      const facts = lookup.columnsOf(relation).get(name);
      if (facts === undefined) return undefined;
      return facts.everywhere ? [] : [relation];
    }
    if (binding.selfReferencing || binding.cte.aliascolnames !== undefined) return null;
    return sourceInOutput(binding.query, name, lookup, seen);
  }
  if (!("RangeSubselect" in item) || item.RangeSubselect.alias?.colnames !== undefined) return null;
  const query = item.RangeSubselect.subquery;
  return query !== undefined && "SelectStmt" in query ? sourceInOutput(query.SelectStmt, name, lookup, seen) : null;
}

/** A column that a sub-select names is there for every tenant that the sub-select runs for; a star passes on what the tables have. */
function sourceInOutput(
  select: SelectStmt,
  name: string,
  lookup: ColumnLookup,
  seen: ReadonlySet<SelectStmt>,
): Source | undefined | null {
  const [first = select] = sidesOf(select);
  if (first.valuesLists !== undefined || seen.has(first)) return null;
  const targets = (first.targetList ?? []).flatMap((node) => ("ResTarget" in node ? [outputName(node.ResTarget)] : []));
  if (targets.includes(name)) return [];
  if (!targets.includes("*")) return undefined;
  const sources = sourcesIn(first, name, lookup, new Set([...seen, first]));
  if (sources === null || sources.length > 1) return null;
  return sources[0];
}

function mergesColumn(select: SelectStmt, name: string): boolean {
  return someJoin(select, (join) => join.isNatural === true || pathOf(join.usingClause).includes(name));
}

function renamesJoin(select: SelectStmt): boolean {
  return someJoin(select, (join) => join.alias?.colnames !== undefined);
}
