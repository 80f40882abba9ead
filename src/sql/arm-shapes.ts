import { givesOneRow, isAggregate } from "./aggregates.ts";
import {
  binaryNode,
  builtInName,
  isSetOperation,
  type Node,
  numberConstant,
  outputName,
  pathOf,
  type SelectStmt,
  stringNode,
  walk,
} from "./ast.ts";

/**
 * Gives the SELECTs of an arm the form that postgres_fdw sends whole and reads asynchronously, in place; their rows stay the same. Measured on
 * PostgreSQL 15 and 18: a lone `min(x)` is planned as an ordered scan on the federation database, and DISTINCT is done there.
 */
export function shapeArm(arm: SelectStmt): void {
  walk({ SelectStmt: arm }, (node) => {
    if ("SelectStmt" in node) shapeSelect(node.SelectStmt);
    // What is correlated stays: an aggregate in it may be of the rows around it.
    return !("SubLink" in node) && !("RangeSubselect" in node && node.RangeSubselect.lateral === true);
  });
}

function shapeSelect(select: SelectStmt): void {
  if (isSetOperation(select) || select.valuesLists !== undefined) return;
  if (isLoneExtreme(select)) select.havingClause = alwaysTrue();
  else if (isPlainDistinct(select)) {
    delete select.distinctClause;
    select.groupClause = (select.targetList ?? []).map((_, index) => numberConstant(index + 1));
  }
}

/** `count(*) >= 0` holds for every row, and keeps the planner from replacing the aggregate by an index scan that is not sent. */
function alwaysTrue(): Node {
  const count: Node = {
    FuncCall: { funcname: [stringNode("count")], agg_star: true, funcformat: "COERCE_EXPLICIT_CALL" },
  };
  return binaryNode(">=", count, numberConstant(0));
}

/** True when min and max are the only aggregates and there are no groups: PostgreSQL's preprocess_minmax_aggregates. */
function isLoneExtreme(select: SelectStmt): boolean {
  if (select.groupClause !== undefined || select.havingClause !== undefined || select.fromClause?.length !== 1)
    return false;
  const names: (string | undefined)[] = [];
  walk(select.targetList, (node) => {
    if ("FuncCall" in node && isAggregate(node.FuncCall)) names.push(builtInName(node.FuncCall));
    return !("SelectStmt" in node);
  });
  return names.length > 0 && names.every((name) => name === "min" || name === "max");
}

function isPlainDistinct(select: SelectStmt): boolean {
  const { distinctClause, groupClause, havingClause, targetList = [] } = select;
  // DISTINCT ON names its expressions; a plain one has one empty node.
  const plain = distinctClause?.length === 1 && Object.keys(distinctClause[0] ?? {}).length === 0;
  if (!plain || groupClause !== undefined || havingClause !== undefined || targetList.length === 0) return false;
  return targetList.every(
    (target) => "ResTarget" in target && outputName(target.ResTarget) !== "*" && canBeGrouped(target),
  );
}

function canBeGrouped(target: Node): boolean {
  let star = false;
  walk(target, (node) => {
    if ("ColumnRef" in node && pathOf(node.ColumnRef.fields).includes("*")) star = true;
    return !star;
  });
  return !star && givesOneRow(target);
}
