import { AppError } from "../errors.ts";
import {
  childNodes,
  isSetOperation,
  locationOf,
  type Node,
  outputName,
  pathOf,
  readsColumn,
  type SelectStmt,
  sidesOf,
  walk,
} from "./ast.ts";
import { fromHasColumn } from "./column-scope.ts";
import {
  type FleetSource,
  fleetSourcesOf,
  fromNames,
  hasFleetRows,
  type JoinRules,
  sourceName,
  tenantOf,
} from "./fleet-sources.ts";
import { equalPairs, tiesTo } from "./tenant-equalities.ts";

/** A block around a sub-select, with its fleet sources. */
interface Outer {
  readonly select: SelectStmt;
  readonly sources: readonly FleetSource[];
}

/**
 * A value that a sub-select with the rows of all tenants is asked for by equality (`IN`, `= ANY`, or a column of the block around it) may be
 * another tenant's as well: it must be compared on the tenant, too. Throws TEMPLATE_JOIN.
 */
export function checkSubSelects(select: SelectStmt, rules: JoinRules, outer: readonly Outer[] = []): void {
  const blockClass = rules.analysis.classOf(select);
  if (blockClass === "copied") return;
  if (isSetOperation(select)) {
    for (const side of [select.larg, select.rarg]) checkSubSelects(side, rules, outer);
    for (const node of childNodes({ ...select, larg: undefined, rarg: undefined }))
      checkInside(node, rules, outer, outer);
    return;
  }
  const own = blockClass === "once" ? fleetSourcesOf(select, rules) : [];
  if (own.length > 0 && outer.length > 0) checkEqualities(select, own, outer, rules);
  const within = own.length > 0 ? [...outer, { select, sources: own }] : outer;
  for (const node of childNodes(select)) checkInside(node, rules, outer, within);
}

/** Looks for sub-selects; those in FROM see the block's other items only when they are LATERAL. */
function checkInside(root: Node, rules: JoinRules, outer: readonly Outer[], within: readonly Outer[]): void {
  walk(root, (node) => {
    if ("SelectStmt" in node) {
      checkSubSelects(node.SelectStmt, rules, within);
      return false;
    }
    if ("RangeSubselect" in node || "CommonTableExpr" in node) {
      const query = "RangeSubselect" in node ? node.RangeSubselect.subquery : node.CommonTableExpr.ctequery;
      const lateral = "RangeSubselect" in node && node.RangeSubselect.lateral === true;
      if (query !== undefined && "SelectStmt" in query)
        checkSubSelects(query.SelectStmt, rules, lateral ? within : outer);
      return false;
    }
    if ("SubLink" in node) checkMembership(node, rules, within);
    return true;
  });
}

/** `x IN (SELECT …)` and its like. */
function checkMembership(node: Extract<Node, { SubLink: unknown }>, rules: JoinRules, within: readonly Outer[]): void {
  const { subLinkType, testexpr, operName, subselect } = node.SubLink;
  const operator = pathOf(operName).at(-1) ?? "=";
  const byEquality =
    (subLinkType === "ANY_SUBLINK" && operator === "=") || (subLinkType === "ALL_SUBLINK" && operator === "<>");
  if (!byEquality || testexpr === undefined || subselect === undefined || !("SelectStmt" in subselect)) return;
  const query = subselect.SelectStmt;
  const sources = within.flatMap((block) => block.sources);
  if (!hasFleetRows(query, rules.analysis.classOf(query), rules)) return;
  if (!readsSources(testexpr, within, rules) || tiesTo(query, sources, rules).size > 0) return;
  const tested = "RowExpr" in testexpr ? (testexpr.RowExpr.args ?? []) : [testexpr];
  const onTenant = tested.some(
    (item, index) =>
      tenantOf(item, sources).length > 0 && sidesOf(query).every((side) => givesTenant(side, index, rules)),
  );
  if (onTenant) return;
  const column = rules.tenantColumn;
  throw new AppError("TEMPLATE_JOIN", "the sub-select has the rows of all tenants, and is not compared on the tenant", {
    position: rules.positionOf(locationOf(node)),
    hint: `write (${column}, …) IN (SELECT ${column}, …), or GROUP BY in the sub-select if a value of any tenant is meant`,
  });
}

function givesTenant(side: SelectStmt, index: number, rules: JoinRules): boolean {
  const target = side.targetList?.[index];
  return (
    target !== undefined &&
    "ResTarget" in target &&
    tenantOf(target.ResTarget.val, fleetSourcesOf(side, rules)).length > 0
  );
}

/** Equalities between a sub-select's own rows and those of a block around it. */
function checkEqualities(
  select: SelectStmt,
  own: readonly FleetSource[],
  outer: readonly Outer[],
  rules: JoinRules,
): void {
  const sources = outer.flatMap((block) => block.sources);
  const ties = tiesTo(select, sources, rules);
  const visit = (node: Node): boolean => {
    if ("SelectStmt" in node) return false;
    for (const [left, right] of equalPairs(node)) {
      const [one, other] = [outerSource(left, select, outer, rules), outerSource(right, select, outer, rules)];
      const outside = one ?? other;
      const inside = one === null ? left : right;
      // Only one of the two is the outer block's, and the other is a column of this one.
      if (outside === null || (one !== null && other !== null) || !readsColumn(inside)) continue;
      const tied = outer.some(
        (block) => block.sources.includes(outside) && block.sources.some((source) => ties.has(source)),
      );
      if (!tied) throw notCompared(own[0], outside, node, rules);
    }
    return true;
  };
  walk(childNodesOf(select), visit);
}

function childNodesOf({ withClause: _with, ...select }: SelectStmt): readonly Node[] {
  return [...childNodes(select)];
}

function notCompared(inside: FleetSource | undefined, outside: FleetSource, node: Node, rules: JoinRules): AppError {
  const [one, other] = [inside === undefined ? "the sub-select" : sourceName(inside), sourceName(outside)];
  const column = rules.tenantColumn;
  return new AppError(
    "TEMPLATE_JOIN",
    `${one} and ${other} have the rows of all tenants, and are not joined on the tenant`,
    {
      position: rules.positionOf(locationOf(node)),
      hint: `add ${one}.${column} = ${other}.${column} to the sub-select, or GROUP BY in its FROM if a value of any tenant is meant`,
    },
  );
}

/** The outer fleet source that an expression of `select` reads another column of than the tenant's; null when it reads none. */
function outerSource(root: Node, select: SelectStmt, outer: readonly Outer[], rules: JoinRules): FleetSource | null {
  const own = fromNames(select);
  const outputs = new Set(
    (select.targetList ?? []).map((target) => ("ResTarget" in target ? outputName(target.ResTarget) : null)),
  );
  let found: FleetSource | null = null;
  walk(root, (node) => {
    if ("SelectStmt" in node) return false;
    if (!("ColumnRef" in node)) return true;
    const [column = "", qualifier] = pathOf(node.ColumnRef.fields).toReversed();
    const bare = qualifier === undefined;
    if (bare ? outputs.has(column) || fromHasColumn(select, column, rules.columns) : own.has(qualifier)) return true;
    const block = outer.findLast(({ select: around, sources }) =>
      bare ? fromHasColumn(around, column, rules.columns) : sources.some(({ names }) => names.has(qualifier)),
    );
    const source = block?.sources.find(({ names }) => bare || names.has(qualifier));
    if (source !== undefined && !source.tenantColumns.has(column)) found = source;
    return true;
  });
  return found;
}

/** True when an expression reads a column of a block that has fleet sources. */
function readsSources(root: Node, within: readonly Outer[], rules: JoinRules): boolean {
  let found = false;
  walk(root, (node) => {
    if ("SelectStmt" in node) return false;
    if (!("ColumnRef" in node)) return true;
    const [column = "", qualifier] = pathOf(node.ColumnRef.fields).toReversed();
    found ||= within.some(({ select, sources }) =>
      qualifier === undefined
        ? fromHasColumn(select, column, rules.columns) || tenantOf(node, sources).length > 0
        : sources.some(({ names }) => names.has(qualifier)),
    );
    return true;
  });
  return found;
}
