import { isAggregate, isSetReturning } from "./aggregates.ts";
import { type FuncCall, integerConstant, isStar, type Node, type SelectStmt, walk } from "./ast.ts";
import { type Source, sourceColumn } from "./movable.ts";
import { groupedOutput } from "./output-references.ts";

/** What the SELECT groups by, written out: the outputs themselves where it is DISTINCT. Null when it neither groups nor aggregates. */
export function groupKeys(select: SelectStmt, source: Source): readonly Node[] | null {
  const targets = (select.targetList ?? []).map((node) => ("ResTarget" in node ? node.ResTarget : undefined));
  const values = targets.map((target) => target?.val);
  if (values.some((value) => value === undefined || callsSetReturning(value))) return null;
  if ((select.targetList ?? []).some(isStar)) return null;
  if (select.groupDistinct === true) return null;
  if (select.groupClause !== undefined) {
    const keys = select.groupClause.map((item) => keyOf(item, select, source));
    return keys.every((key) => key !== undefined) ? keys : null;
  }
  if (select.havingClause !== undefined || values.some((value) => value !== undefined && callsAggregate(value)))
    return [];
  const plainDistinct = select.distinctClause?.every((node) => Object.keys(node).length === 0) === true;
  return plainDistinct ? values.flatMap((value) => value ?? []) : null;
}

/** What an item of GROUP BY means, written out; undefined where that is no expression over the source. */
function keyOf(item: Node, { targetList = [] }: SelectStmt, source: Source): Node | undefined {
  if ("GroupingSet" in item) return undefined;
  const otherName = "ColumnRef" in item && sourceColumn(item, source) === null;
  return otherName || integerConstant(item) !== null ? groupedOutput(item, targetList)?.val : item;
}

function callsSetReturning(value: Node): boolean {
  return contains(value, (call) => isSetReturning(call));
}

function callsAggregate(value: Node): boolean {
  return contains(value, isAggregate);
}

function contains(value: Node, matches: (call: FuncCall) => boolean): boolean {
  let found = false;
  walk(value, (node) => {
    if ("FuncCall" in node && matches(node.FuncCall)) found = true;
    return !("SelectStmt" in node);
  });
  return found;
}
