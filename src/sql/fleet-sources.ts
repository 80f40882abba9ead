import type { Position } from "../errors.ts";
import { isAggregate } from "./aggregates.ts";
import type { BlockAnalysis } from "./analyse-blocks.ts";
import {
  aliasOf,
  firstLocation,
  fromItemsOf,
  type Node,
  outputName,
  pathOf,
  type SelectStmt,
  sidesOf,
  walk,
} from "./ast.ts";
import type { ColumnLookup } from "./column-scope.ts";
import { type BlockClass, bindingOf } from "./cte-scope.ts";
import { groupedOutput } from "./output-references.ts";

/** What the rules about joins of fleets go by. */
export interface JoinRules {
  readonly analysis: BlockAnalysis;
  readonly tenantColumn: string;
  readonly columns: ColumnLookup;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/** A FROM item each of whose rows is one tenant's, with the rows of all tenants. */
export interface FleetSource {
  /** Names by which its columns are qualified: its own, and those of joins around it. */
  readonly names: ReadonlySet<string>;
  /** Its place; looked for only when an error needs it. */
  readonly at: () => number | undefined;
  /** Its columns that are the tenant's name; none when it has let go of it. */
  readonly tenantColumns: ReadonlySet<string>;
  /** The sub-select of a LATERAL item, which may be tied to other items from within. */
  readonly lateral: SelectStmt | null;
}

/** The fleet sources of a select's own FROM, those of one item after the other. */
export function fleetSourcesOf(
  select: SelectStmt,
  rules: JoinRules,
  seen: ReadonlySet<SelectStmt> = new Set(),
): FleetSource[] {
  return (select.fromClause ?? []).flatMap((item) => sourcesInItem(item, select, rules, seen));
}

/** The fleet sources of one FROM item, joins included. */
export function sourcesInItem(
  item: Node | undefined,
  select: SelectStmt,
  rules: JoinRules,
  seen: ReadonlySet<SelectStmt> = new Set(),
): FleetSource[] {
  if (item === undefined) return [];
  if (!("JoinExpr" in item)) {
    const source = fleetSource(item, select, rules, seen);
    return source === null ? [] : [source];
  }
  const { larg, rarg, alias, join_using_alias: usingAlias } = item.JoinExpr;
  const inside = [...sourcesInItem(larg, select, rules, seen), ...sourcesInItem(rarg, select, rules, seen)];
  const names = [alias?.aliasname, usingAlias?.aliasname].filter((name) => name !== undefined);
  if (names.length === 0) return inside;
  return inside.map((source) => ({
    ...source,
    names: new Set([...source.names, ...names]),
    // The alias's own column names may call another column so.
    tenantColumns: alias?.colnames === undefined ? source.tenantColumns : new Set<string>(),
  }));
}

function fleetSource(
  node: Node,
  select: SelectStmt,
  rules: JoinRules,
  seen: ReadonlySet<SelectStmt>,
): FleetSource | null {
  if ("RangeVar" in node) {
    const { alias, relname = "", location } = node.RangeVar;
    const binding = bindingOf(node.RangeVar, rules.analysis.scopeOf(select));
    const passed = binding === undefined ? null : passedOn(binding.query, binding.class, rules, seen);
    if (binding === undefined || passed === null) return null;
    const renamed = [...pathOf(alias?.colnames), ...pathOf(binding.cte.aliascolnames)];
    return {
      names: new Set([alias?.aliasname ?? relname]),
      at: () => location,
      tenantColumns: without(renamed, passed),
      lateral: null,
    };
  }
  if (!("RangeSubselect" in node)) return null;
  const { subquery, alias, lateral } = node.RangeSubselect;
  if (subquery === undefined || !("SelectStmt" in subquery)) return null;
  const query = subquery.SelectStmt;
  const passed = passedOn(query, rules.analysis.classOf(query), rules, seen);
  if (passed === null) return null;
  return {
    names: new Set(alias?.aliasname === undefined ? [] : [alias.aliasname]),
    at: () => firstLocation(subquery),
    tenantColumns: without(pathOf(alias?.colnames), passed),
    lateral: lateral === true ? query : null,
  };
}

/** A list of column names may give a tenant column's name to another column. */
function without(renamed: readonly string[], columns: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...columns].filter((column) => !renamed.includes(column)));
}

/** The fleet sources whose tenant a column means: `tenant`, or `a.tenant`. */
export function tenantOf(node: Node | undefined, sources: readonly FleetSource[]): readonly FleetSource[] {
  if (node === undefined || !("ColumnRef" in node)) return [];
  const [column = "", qualifier, ...rest] = pathOf(node.ColumnRef.fields).toReversed();
  if (rest.length > 0) return [];
  return sources.filter(
    ({ names, tenantColumns }) => tenantColumns.has(column) && (qualifier === undefined || names.has(qualifier)),
  );
}

/** True when each row of a select is one tenant's: copied blocks, and SELECTs that pass their rows on. */
export function hasFleetRows(select: SelectStmt, blockClass: BlockClass, rules: JoinRules): boolean {
  return passedOn(select, blockClass, rules, new Set()) !== null;
}

/**
 * Names of a select's outputs that are the tenant's name; null when its rows are no tenant's. What it reads is looked at once: twice at each
 * level would be 2^n times at the nth.
 */
function passedOn(
  select: SelectStmt,
  blockClass: BlockClass,
  rules: JoinRules,
  seen: ReadonlySet<SelectStmt>,
): ReadonlySet<string> | null {
  const added = new Set([rules.tenantColumn]);
  if (blockClass !== "once") return blockClass === "copied" ? added : null;
  // A recursive WITH query reads itself.
  if (seen.has(select)) return null;
  const within = new Set([...seen, select]);
  const sides = sidesOf(select).map((side) => {
    if (rules.analysis.classOf(side) === "copied") return { copied: true, passes: true, outputs: added };
    const sources = fleetSourcesOf(side, rules, within);
    return { copied: false, passes: passesRows(side, sources), outputs: tenantOutputs(side, sources) };
  });
  if (!sides.some(({ passes }) => passes)) return null;
  // A union with a copied side has the tenant column on all sides.
  if (sides.some(({ copied }) => copied)) return added;
  const [first = new Set<string>(), ...others] = sides.map(({ outputs }) => outputs);
  return new Set([...first].filter((name) => others.every((other) => other.has(name))));
}

function passesRows(side: SelectStmt, sources: readonly FleetSource[]): boolean {
  if (side.groupClause !== undefined) return side.groupClause.some((item) => groupsByTenant(item, side, sources));
  return sources.length > 0 && !aggregates(side);
}

function tenantOutputs(select: SelectStmt, sources: readonly FleetSource[]): ReadonlySet<string> {
  const names = (select.targetList ?? []).flatMap((target): readonly string[] => {
    if (!("ResTarget" in target) || target.ResTarget.val === undefined) return [];
    const output = outputName(target.ResTarget);
    if (output !== "*") return output !== null && tenantOf(target.ResTarget.val, sources).length > 0 ? [output] : [];
    const value = target.ResTarget.val;
    const [qualifier] = "ColumnRef" in value ? pathOf(value.ColumnRef.fields).slice(0, -1) : [];
    const passed = sources.filter(({ names: own }) => qualifier === undefined || own.has(qualifier));
    return passed.flatMap(({ tenantColumns }) => [...tenantColumns]);
  });
  return new Set(names);
}

/** True for a GROUP BY item that is the tenant's column, its position or the name of such an output. */
function groupsByTenant(item: Node, side: SelectStmt, sources: readonly FleetSource[]): boolean {
  if ("GroupingSet" in item)
    return (item.GroupingSet.content ?? []).some((inner) => groupsByTenant(inner, side, sources));
  if ("RowExpr" in item) return (item.RowExpr.args ?? []).some((inner) => groupsByTenant(inner, side, sources));
  // Whether FROM has another column of that name matters not: PostgreSQL then takes the tenant as an output only where it is grouped by as well.
  const meant = [item, groupedOutput(item, side.targetList ?? [])?.val];
  return meant.some((node) => tenantOf(node, sources).length > 0);
}

function aggregates(select: SelectStmt): boolean {
  let found = false;
  walk([...(select.targetList ?? []), select.havingClause], (node) => {
    if ("FuncCall" in node && isAggregate(node.FuncCall)) found = true;
    return !("SelectStmt" in node);
  });
  return found || select.havingClause !== undefined;
}

/** The name by which people know a source. */
export function sourceName({ names }: FleetSource): string {
  return [...names][0] ?? "the sub-select";
}

/** Names of everything that stands in a select's own FROM. */
export function fromNames(select: SelectStmt): ReadonlySet<string> {
  return new Set(fromItemsOf(select).flatMap((item) => aliasOf(item) ?? []));
}
