import { AppError, type Position } from "../errors.ts";
import { type BlockAnalysis, bindingOf } from "./analyse-blocks.ts";
import { firstLocation, isSetOperation, type Node, pathOf, type SelectStmt, walk } from "./ast.ts";

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
}

function checkBlock(select: SelectStmt, rules: JoinRules): void {
  const groups: Source[][] = [];
  const connect = (left: readonly string[], right: readonly string[]): void => {
    const touched = groups.filter((group) => group.some(({ alias }) => left.includes(alias) || right.includes(alias)));
    if (touched.length < 2) return;
    for (const group of touched) groups.splice(groups.indexOf(group), 1);
    groups.push(touched.flat());
  };
  for (const item of select.fromClause ?? []) joinItem(item, { groups, connect, select, rules });
  for (const [left, right] of tenantEqualities(select.whereClause, rules.tenantColumn)) connect([left], [right]);
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
  readonly connect: (left: readonly string[], right: readonly string[]) => void;
  readonly select: SelectStmt;
  readonly rules: JoinRules;
}

/** Notes the fleet sources of a FROM item and connects those that it joins on the tenant; returns their aliases. */
function joinItem(node: Node | undefined, joining: Joining): readonly string[] {
  if (node === undefined) return [];
  if (!("JoinExpr" in node)) {
    const source = fleetSource(node, joining);
    if (source !== null) joining.groups.push([source]);
    return source === null ? [] : [source.alias];
  }
  const { larg, rarg, isNatural, usingClause, quals } = node.JoinExpr;
  const left = joinItem(larg, joining);
  const right = joinItem(rarg, joining);
  const { tenantColumn } = joining.rules;
  const crossJoin = isNatural !== true && usingClause === undefined && quals === undefined;
  if (isNatural === true || crossJoin || pathOf(usingClause).includes(tenantColumn)) joining.connect(left, right);
  for (const [a, b] of tenantEqualities(quals, tenantColumn)) joining.connect([a], [b]);
  return [...left, ...right];
}

function fleetSource(node: Node, { select, rules }: Joining): Source | null {
  if ("RangeVar" in node) {
    const binding = bindingOf(node.RangeVar, rules.analysis.scopeOf(select));
    if (binding?.class !== "copied") return null;
    return { alias: node.RangeVar.alias?.aliasname ?? node.RangeVar.relname ?? "", at: node.RangeVar.location };
  }
  if (!("RangeSubselect" in node)) return null;
  const query = node.RangeSubselect.subquery;
  if (query === undefined || !("SelectStmt" in query) || rules.analysis.classOf(query.SelectStmt) !== "copied")
    return null;
  return { alias: node.RangeSubselect.alias?.aliasname ?? "the sub-select", at: firstLocation(query) };
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
