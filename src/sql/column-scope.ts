import type { Alias } from "libpg-query";
import { isFleetRelation } from "./analyse-blocks.ts";
import {
  aliasOf,
  fromItemsOf,
  isSetOperation,
  type Node,
  outputName,
  pathOf,
  type RangeVar,
  type SelectStmt,
  sidesOf,
  walk,
} from "./ast.ts";
import { bindingOf, type CteScope } from "./cte-scope.ts";

/** One column of a relation, over all tenants that the caller may see. */
export interface ColumnFacts {
  /** PostgreSQL's names of its types, without modifiers: more than one where tenants differ. */
  readonly types: ReadonlySet<string>;
  /** True when every tenant that has the relation has the column. */
  readonly everywhere: boolean;
}

/** What a name in a block can mean, as far as the catalog and the text tell. */
export interface ColumnLookup {
  readonly scopeOf: (select: SelectStmt) => CteScope;
  /** Columns of a `$<tenant>` relation in any tenant, or of a local one, by name. */
  readonly columnsOf: (relation: RangeVar) => ReadonlyMap<string, ColumnFacts>;
}

/**
 * The table column that `path` (`c` or `t.c`) means in the innermost SELECT of `chain`, outermost first; through sub-selects and WITH
 * queries that pass it on as it is. Null where that cannot be told, or where the path means something else.
 */
export function columnFacts(
  path: readonly string[],
  chain: readonly SelectStmt[],
  lookup: ColumnLookup,
): ColumnFacts | null {
  const [name = "", qualifier = null] = path.toReversed();
  if (path.length > 2 || name === "*") return null;
  for (const [index, select] of chain.toReversed().entries()) {
    // The alias of a join hides the names of what is joined, and may give its columns others.
    if (someJoin(select, ({ alias }) => alias !== undefined)) return null;
    const found = fromItemsOf(select).flatMap((item) => {
      if (qualifier !== null && aliasOf(item) !== qualifier) return [];
      const facts = factsInItem(item, name, select, chain.slice(0, chain.length - 1 - index), lookup);
      return facts === undefined ? [] : [facts];
    });
    // Two sources of one name are one column under USING, and otherwise PostgreSQL's error: what it is cannot be told from here.
    if (found.length > 0) return found.length === 1 ? (found[0] ?? null) : null;
  }
  return null;
}

/** Undefined when the item has no column of that name, null when it has one that cannot be followed. */
function factsInItem(
  item: Node,
  name: string,
  select: SelectStmt,
  outer: readonly SelectStmt[],
  lookup: ColumnLookup,
): ColumnFacts | null | undefined {
  const alias =
    "RangeVar" in item ? item.RangeVar.alias : "RangeSubselect" in item ? item.RangeSubselect.alias : undefined;
  if (alias?.colnames !== undefined) return null;
  if ("RangeVar" in item) {
    const binding = isFleetRelation(item.RangeVar) ? undefined : bindingOf(item.RangeVar, lookup.scopeOf(select));
    if (binding === undefined) return lookup.columnsOf(item.RangeVar).get(name);
    if (binding.selfReferencing || binding.cte.aliascolnames !== undefined) return null;
    return factsOfOutput(binding.query, name, [], lookup);
  }
  if (!("RangeSubselect" in item)) return null;
  const query = item.RangeSubselect.subquery;
  return query !== undefined && "SelectStmt" in query ? factsOfOutput(query.SelectStmt, name, outer, lookup) : null;
}

function factsOfOutput(
  select: SelectStmt,
  name: string,
  outer: readonly SelectStmt[],
  lookup: ColumnLookup,
): ColumnFacts | null | undefined {
  if (isSetOperation(select)) return null;
  const targets = (select.targetList ?? []).flatMap((node) => ("ResTarget" in node ? [node.ResTarget] : []));
  const found = targets.filter((target) => outputName(target) === name);
  if (found.length === 0) return targets.some((target) => outputName(target) === "*") ? null : undefined;
  const value = found[0]?.val;
  if (found.length > 1 || value === undefined || !("ColumnRef" in value)) return null;
  return columnFacts(pathOf(value.ColumnRef.fields), [...outer, select], lookup);
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

type Join = Extract<Node, { JoinExpr: unknown }>["JoinExpr"];

/** True when a join in the select's own FROM is such. */
export function someJoin(select: SelectStmt, holds: (join: Join) => boolean): boolean {
  let found = false;
  walk(select.fromClause, (node) => {
    if ("JoinExpr" in node && holds(node.JoinExpr)) found = true;
    return !("RangeSubselect" in node);
  });
  return found;
}
