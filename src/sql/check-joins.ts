import { AppError } from "../errors.ts";
import { isSetOperation, type Node, pathOf, type SelectStmt, walk } from "./ast.ts";
import { checkSubSelects } from "./check-sub-selects.ts";
import { type FleetSource, fleetSourcesOf, type JoinRules, sourceName, sourcesInItem } from "./fleet-sources.ts";
import { tenantEqualities, tiesTo } from "./tenant-equalities.ts";

/**
 * Rows of different tenants must not meet by accident, since ids repeat between tenants: in a block that runs once, sources that have all
 * tenants' rows must be joined on the tenant column, or be written CROSS JOIN; a sub-select that is compared with them by equality must be
 * compared on the tenant, too. Throws TEMPLATE_JOIN.
 */
export function checkJoins(root: SelectStmt, rules: JoinRules): void {
  walk({ SelectStmt: root }, (node) => {
    if (!("SelectStmt" in node)) return true;
    const select = node.SelectStmt;
    if (rules.analysis.classOf(select) === "copied") return false;
    if (!isSetOperation(select) && rules.analysis.classOf(select) === "once") checkBlock(select, rules);
    return true;
  });
  checkSubSelects(root, rules);
}

function checkBlock(select: SelectStmt, rules: JoinRules): void {
  const sources = fleetSourcesOf(select, rules);
  const groups: FleetSource[][] = sources.map((source) => [source]);
  const connect = (joined: readonly FleetSource[]): void => {
    const touched = groups.filter((group) => group.some((source) => joined.includes(source)));
    if (touched.length < 2) return;
    for (const group of touched) groups.splice(groups.indexOf(group), 1);
    groups.push(touched.flat());
  };
  let next = 0;
  for (const item of select.fromClause ?? []) next = joinItem(item, next, { sources, connect }, select, rules);
  for (const pair of tenantEqualities(select.whereClause, sources)) connect(pair);
  for (const source of sources) {
    if (source.lateral === null) continue;
    for (const tied of tiesTo(source.lateral, sources, rules)) connect([source, tied]);
  }
  const [first, second] = groups;
  if (first === undefined || second === undefined) return;
  throw notJoined(first[0], second[0], rules);
}

interface Joining {
  /** The block's sources, in the order of the text. */
  readonly sources: readonly FleetSource[];
  readonly connect: (joined: readonly FleetSource[]) => void;
}

/** Connects the sources that a FROM item joins on the tenant; its own are those from `start` on. Returns where the next item's begin. */
function joinItem(
  item: Node | undefined,
  start: number,
  { sources, connect }: Joining,
  select: SelectStmt,
  rules: JoinRules,
): number {
  if (item === undefined || !("JoinExpr" in item)) return start + sourcesInItem(item, select, rules).length;
  const { larg, rarg, isNatural, usingClause, quals } = item.JoinExpr;
  const middle = joinItem(larg, start, { sources, connect }, select, rules);
  const end = joinItem(rarg, middle, { sources, connect }, select, rules);
  const [left, right] = [sources.slice(start, middle), sources.slice(middle, end)];
  if (isNatural !== true && usingClause === undefined && quals === undefined) connect([...left, ...right]);
  const merged = isNatural === true ? left.flatMap(({ tenantColumns }) => [...tenantColumns]) : pathOf(usingClause);
  for (const column of merged) {
    const joined = [left, right].map((side) => side.filter(({ tenantColumns }) => tenantColumns.has(column)));
    if (joined.every((side) => side.length > 0)) connect(joined.flat());
  }
  for (const pair of tenantEqualities(quals, [...left, ...right])) connect(pair);
  return end;
}

function notJoined(left: FleetSource | undefined, right: FleetSource | undefined, rules: JoinRules): AppError {
  const [one, other] = [left, right].map((source) => (source === undefined ? "" : sourceName(source)));
  const lost = [left, right].find((source) => source?.tenantColumns.size === 0);
  const column = rules.tenantColumn;
  const named = [left, right].every((source) => source !== undefined && source.names.size > 0);
  const equality = named ? ` or ${one}.${column} = ${other}.${column}` : "";
  return new AppError(
    "TEMPLATE_JOIN",
    `${one} and ${other} have the rows of all tenants, and are not joined on the tenant`,
    {
      position: rules.positionOf(right?.at()),
      hint:
        lost === undefined
          ? `join them with USING (${column}, …)${equality}, or write CROSS JOIN if every pair of tenants is meant`
          : `${sourceName(lost)} does not give ${column}: add it to its SELECT and join on it, or write CROSS JOIN if every pair of tenants is meant`,
    },
  );
}
