import { type Node, pathOf, type SelectStmt, sidesOf, walk } from "./ast.ts";
import { type FleetSource, fleetSourcesOf, type JoinRules, tenantOf } from "./fleet-sources.ts";

/** Pairs of sources whose tenants a condition requires to be equal: `a.tenant = b.tenant AND …`, also within rows. */
export function tenantEqualities(
  condition: Node | undefined,
  sources: readonly FleetSource[],
): readonly (readonly [FleetSource, FleetSource])[] {
  if (condition === undefined) return [];
  if ("BoolExpr" in condition) {
    if (condition.BoolExpr.boolop !== "AND_EXPR") return [];
    return (condition.BoolExpr.args ?? []).flatMap((part) => tenantEqualities(part, sources));
  }
  return equalPairs(condition).flatMap(([left, right]) =>
    tenantOf(left, sources).flatMap((one) => tenantOf(right, sources).map((other) => [one, other] as const)),
  );
}

/** What an equality compares: one pair, or the columns of two rows one by one. */
export function equalPairs(node: Node): readonly (readonly [Node, Node])[] {
  if (!("A_Expr" in node)) return [];
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  const equates = kind === "AEXPR_NOT_DISTINCT" || (kind === "AEXPR_OP" && pathOf(name).at(-1) === "=");
  if (!equates || lexpr === undefined || rexpr === undefined) return [];
  if (!("RowExpr" in lexpr) || !("RowExpr" in rexpr)) return [[lexpr, rexpr]];
  const others = rexpr.RowExpr.args ?? [];
  return (lexpr.RowExpr.args ?? []).flatMap((left, index) => {
    const right = others[index];
    return right === undefined ? [] : [[left, right] as const];
  });
}

/** The conditions that every row of a select meets: its WHERE, and those of its inner joins. */
export function conditionsOf(select: SelectStmt): readonly Node[] {
  const found: Node[] = select.whereClause === undefined ? [] : [select.whereClause];
  walk(select.fromClause, (node) => {
    if ("JoinExpr" in node && node.JoinExpr.jointype === "JOIN_INNER" && node.JoinExpr.quals !== undefined)
      found.push(node.JoinExpr.quals);
    return !("SelectStmt" in node);
  });
  return found;
}

/** The sources of `outer` to whose tenant a sub-select's own rows are tied by its conditions, on each side of a set operation. */
export function tiesTo(select: SelectStmt, outer: readonly FleetSource[], rules: JoinRules): ReadonlySet<FleetSource> {
  const [first = new Set<FleetSource>(), ...others] = sidesOf(select).map((side) => sideTies(side, outer, rules));
  return new Set([...first].filter((source) => others.every((ties) => ties.has(source))));
}

function sideTies(side: SelectStmt, outer: readonly FleetSource[], rules: JoinRules): ReadonlySet<FleetSource> {
  const own = fleetSourcesOf(side, rules);
  const hidden = new Set(own.flatMap(({ names }) => [...names]));
  const visible = outer.filter(({ names }) => ![...names].every((name) => hidden.has(name)));
  const ties = new Set<FleetSource>();
  for (const condition of conditionsOf(side)) {
    for (const pair of tenantEqualities(condition, [...own, ...visible])) {
      const outside = pair.find((source) => visible.includes(source));
      if (outside !== undefined && pair.some((source) => own.includes(source))) ties.add(outside);
    }
  }
  // What a sub-select in FROM is tied to, its reader is.
  walk(side.fromClause, (node) => {
    if (!("RangeSubselect" in node)) return !("SelectStmt" in node);
    const query = node.RangeSubselect.subquery;
    if (query !== undefined && "SelectStmt" in query && rules.analysis.classOf(query.SelectStmt) === "once")
      for (const source of tiesTo(query.SelectStmt, visible, rules)) ties.add(source);
    return false;
  });
  return ties;
}
