import { castNode, copyTree, type Node, pathOf, renamedTarget, type SelectStmt } from "./ast.ts";
import { type ColumnLookup, columnFacts } from "./column-scope.ts";
import { dateBin } from "./date-bins.ts";
import { epochCondition } from "./epoch-conditions.ts";
import { timeGroupOf } from "./expand-macros.ts";
import { type ColumnTypes, literalsForColumn } from "./literal-for-column.ts";

/**
 * A template whose conditions and groups on times are written so that postgres_fdw sends them, where the catalog tells a column's type in
 * every tenant; its rows are the same (sessions are in UTC). Gives `root` itself when there is nothing to change; otherwise a new tree, which has to be analysed anew.
 */
export function shipTimes(root: SelectStmt, lookup: ColumnLookup): SelectStmt {
  const rewriter: Rewriter = { lookup, changed: false };
  const rewritten = shipSelect(root, [], rewriter);
  return rewriter.changed ? rewritten : root;
}

interface Rewriter {
  readonly lookup: ColumnLookup;
  changed: boolean;
}

function shipSelect(select: SelectStmt, enclosing: readonly SelectStmt[], rewriter: Rewriter): SelectStmt {
  const chain = [...enclosing, select];
  const typesOf: ColumnTypes = (node) =>
    "ColumnRef" in node ? (columnFacts(pathOf(node.ColumnRef.fields), chain, rewriter.lookup)?.types ?? null) : null;
  const shipNode = (node: Node): Node | undefined => {
    if ("SelectStmt" in node) return { SelectStmt: shipSelect(node.SelectStmt, chain, rewriter) };
    // WITH queries, and sub-selects in FROM without LATERAL, do not see the tables beside them.
    if ("CommonTableExpr" in node) return { CommonTableExpr: inScopeOf(enclosing, node.CommonTableExpr) };
    if ("RangeSubselect" in node && node.RangeSubselect.lateral !== true)
      return { RangeSubselect: inScopeOf(enclosing, node.RangeSubselect) };
    if ("ResTarget" in node && node.ResTarget.val !== undefined)
      return renamedTarget(node.ResTarget, copyTree(node.ResTarget.val, shipNode));
    const rewritten = shipped(node, typesOf);
    if (rewritten === undefined) return undefined;
    rewriter.changed = true;
    // What was rewritten can have more inside; it is not rewritten again itself.
    return copyTree(rewritten, shipNode);
  };
  const inScopeOf = <T>(scope: readonly SelectStmt[], value: T): T =>
    copyTree(value, (node) =>
      "SelectStmt" in node ? { SelectStmt: shipSelect(node.SelectStmt, scope, rewriter) } : undefined,
    );
  return copyTree(select, shipNode);
}

function shipped(node: Node, typesOf: ColumnTypes): Node | undefined {
  return (
    timeGroupOfDate(node, typesOf) ??
    epochCondition(node, typesOf) ??
    dateBin(node, typesOf) ??
    literalsForColumn(node, typesOf)
  );
}

/** A date becomes a timestamp by itself only with a look at the session's time zone, which keeps its `date_bin` from being sent. */
function timeGroupOfDate(node: Node, typesOf: ColumnTypes): Node | undefined {
  const group = timeGroupOf(node);
  const types = group === undefined ? null : typesOf(group.column);
  if (group === undefined || !("FuncCall" in node) || types === null || !types.has("date")) return undefined;
  if ([...types].some((type) => type !== "date" && type !== "timestamp without time zone")) return undefined;
  const [, ...others] = node.FuncCall.args ?? [];
  return { FuncCall: { ...node.FuncCall, args: [castNode(group.column, "pg_catalog.timestamp"), ...others] } };
}
