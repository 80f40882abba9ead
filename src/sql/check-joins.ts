import { AppError, type Position } from "../errors.ts";
import { isAggregate } from "./aggregates.ts";
import type { BlockAnalysis } from "./analyse-blocks.ts";
import {
  firstLocation,
  fromItemsOf,
  isSetOperation,
  type Node,
  pathOf,
  type SelectStmt,
  sidesOf,
  walk,
} from "./ast.ts";
import { type BlockClass, bindingOf } from "./cte-scope.ts";

export interface JoinRules {
  readonly analysis: BlockAnalysis;
  readonly tenantColumn: string;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/**
 * Rows of different tenants must not meet by accident, since ids repeat between tenants: in a block that runs once, sources that have all
 * tenants' rows must be joined on the tenant column, or be written CROSS JOIN. Throws TEMPLATE_JOIN.
 */
export function checkJoins(root: SelectStmt, rules: JoinRules): void {
  walk({ SelectStmt: root }, (node) => {
    if (!("SelectStmt" in node)) return true;
    const select = node.SelectStmt;
    if (rules.analysis.classOf(select) === "copied") return false;
    if (!isSetOperation(select) && rules.analysis.classOf(select) === "once") checkBlock(select, rules);
    return true;
  });
}

interface Source {
  readonly alias: string;
  readonly at: number | undefined;
  /** False when an alias list gives the tenant column's name to another column: a join on it proves nothing. */
  readonly namesTenant: boolean;
}

function checkBlock(select: SelectStmt, rules: JoinRules): void {
  const groups: Source[][] = [];
  const joinable = (aliases: readonly string[]) =>
    groups.flat().every(({ alias, namesTenant }) => namesTenant || !aliases.includes(alias));
  const connect = (
    left: readonly string[],
    right: readonly string[],
    options: { readonly byTenant: boolean },
  ): void => {
    if (options.byTenant && !joinable([...left, ...right])) return;
    const touched = groups.filter((group) => group.some(({ alias }) => left.includes(alias) || right.includes(alias)));
    if (touched.length < 2) return;
    for (const group of touched) groups.splice(groups.indexOf(group), 1);
    groups.push(touched.flat());
  };
  for (const item of select.fromClause ?? []) joinItem(item, { groups, connect, select, rules });
  for (const [left, right] of tenantEqualities(select.whereClause, rules.tenantColumn))
    connect([left], [right], { byTenant: true });
  const [first, second] = groups;
  if (first === undefined || second === undefined) return;
  const [left, right] = [first[0], second[0]];
  throw new AppError(
    "TEMPLATE_JOIN",
    `${left?.alias} and ${right?.alias} have the rows of all tenants, and are not joined on the tenant`,
    {
      position: rules.positionOf(right?.at),
      hint: `join them with USING (${rules.tenantColumn}, …) or ${left?.alias}.${rules.tenantColumn} = ${right?.alias}.${rules.tenantColumn}, or write CROSS JOIN if every pair of tenants is meant`,
    },
  );
}

interface Joining {
  readonly groups: Source[][];
  readonly connect: (
    left: readonly string[],
    right: readonly string[],
    options: { readonly byTenant: boolean },
  ) => void;
  readonly select: SelectStmt;
  readonly rules: JoinRules;
}

/** Notes the fleet sources of a FROM item and connects those that it joins on the tenant; returns their aliases. */
function joinItem(node: Node | undefined, joining: Joining): readonly string[] {
  if (node === undefined) return [];
  if (!("JoinExpr" in node)) {
    const source = fleetSource(node, joining.select, joining.rules);
    if (source !== null) joining.groups.push([source]);
    return source === null ? [] : [source.alias];
  }
  const { larg, rarg, isNatural, usingClause, quals } = node.JoinExpr;
  const left = joinItem(larg, joining);
  const right = joinItem(rarg, joining);
  const { tenantColumn } = joining.rules;
  const crossJoin = isNatural !== true && usingClause === undefined && quals === undefined;
  if (crossJoin) joining.connect(left, right, { byTenant: false });
  if (isNatural === true || pathOf(usingClause).includes(tenantColumn))
    joining.connect(left, right, { byTenant: true });
  for (const [a, b] of tenantEqualities(quals, tenantColumn)) joining.connect([a], [b], { byTenant: true });
  return [...left, ...right];
}

function fleetSource(
  node: Node,
  select: SelectStmt,
  rules: JoinRules,
  seen: ReadonlySet<SelectStmt> = new Set(),
): Source | null {
  if ("RangeVar" in node) {
    const { alias, relname = "", location } = node.RangeVar;
    const binding = bindingOf(node.RangeVar, rules.analysis.scopeOf(select));
    if (binding === undefined || !hasFleetRows(binding.query, binding.class, rules, seen)) return null;
    const names = [...pathOf(alias?.colnames), ...pathOf(binding.cte.aliascolnames)];
    return { alias: alias?.aliasname ?? relname, at: location, namesTenant: !names.includes(rules.tenantColumn) };
  }
  if (!("RangeSubselect" in node)) return null;
  const { subquery, alias } = node.RangeSubselect;
  if (subquery === undefined || !("SelectStmt" in subquery)) return null;
  if (!hasFleetRows(subquery.SelectStmt, rules.analysis.classOf(subquery.SelectStmt), rules, seen)) return null;
  const namesTenant = !pathOf(alias?.colnames).includes(rules.tenantColumn);
  return { alias: alias?.aliasname ?? "the sub-select", at: firstLocation(subquery), namesTenant };
}

/** True when each row of a source is one tenant's: copied blocks, and SELECTs that pass their rows on. */
function hasFleetRows(
  select: SelectStmt,
  blockClass: BlockClass,
  rules: JoinRules,
  seen: ReadonlySet<SelectStmt> = new Set(),
): boolean {
  if (blockClass !== "once") return blockClass === "copied";
  // A recursive WITH query reads itself.
  if (seen.has(select)) return false;
  return sidesOf(select).some((side) => {
    if (rules.analysis.classOf(side) === "copied") return true;
    const groupsByTenant = (side.groupClause ?? []).some(
      (node) => "ColumnRef" in node && pathOf(node.ColumnRef.fields).at(-1) === rules.tenantColumn,
    );
    if (side.groupClause !== undefined || aggregates(side)) return groupsByTenant;
    return fromItemsOf(side).some((item) => fleetSource(item, side, rules, new Set([...seen, select])) !== null);
  });
}

/** True when a SELECT aggregates: its rows are about the fleet, or about its own groups. */
function aggregates(select: SelectStmt): boolean {
  let found = false;
  walk([...(select.targetList ?? []), select.havingClause], (node) => {
    if ("FuncCall" in node && isAggregate(node.FuncCall)) found = true;
    return !("SelectStmt" in node);
  });
  return found;
}

/** Pairs of aliases whose tenant columns a condition requires to be equal: `a.tenant = b.tenant AND …`. */
function tenantEqualities(condition: Node | undefined, tenantColumn: string): [string, string][] {
  if (condition === undefined) return [];
  if ("BoolExpr" in condition && condition.BoolExpr.boolop === "AND_EXPR") {
    return (condition.BoolExpr.args ?? []).flatMap((part) => tenantEqualities(part, tenantColumn));
  }
  if (!("A_Expr" in condition) || condition.A_Expr.kind !== "AEXPR_OP" || pathOf(condition.A_Expr.name).at(-1) !== "=")
    return [];
  const left = tenantOwner(condition.A_Expr.lexpr, tenantColumn);
  const right = tenantOwner(condition.A_Expr.rexpr, tenantColumn);
  return left === null || right === null ? [] : [[left, right]];
}

function tenantOwner(node: Node | undefined, tenantColumn: string): string | null {
  if (node === undefined || !("ColumnRef" in node)) return null;
  const [alias, column, ...rest] = pathOf(node.ColumnRef.fields);
  return alias !== undefined && column === tenantColumn && rest.length === 0 ? alias : null;
}
