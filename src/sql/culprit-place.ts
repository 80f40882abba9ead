import type { Position } from "../errors.ts";
import { locationOf, type Node, pathOf, type SelectStmt, walk } from "./ast.ts";

/**
 * Where the user wrote what a plan names: a function (`now()`, `date_trunc`), an operator (`->>`), a cast (`::text`), `AT TIME ZONE` or a
 * sub-select. Undefined when it is nowhere, such as what Tenantry itself wrote.
 */
export function placeOfCulprit(
  select: SelectStmt,
  culprit: string,
  positionOf: (byteOffset: number | undefined) => Position | undefined,
): Position | undefined {
  let place: Position | undefined;
  walk({ SelectStmt: select }, (node) => {
    if (place === undefined && isCulprit(node, culprit)) place = positionOf(locationOf(node));
    return place === undefined;
  });
  return place;
}

function isCulprit(node: Node, culprit: string): boolean {
  if ("SubLink" in node) return culprit === "sub-select";
  if ("TypeCast" in node) return culprit.startsWith("::");
  if ("A_Expr" in node) return pathOf(node.A_Expr.name).at(-1) === culprit;
  if ("SQLValueFunction" in node) return (node.SQLValueFunction.op ?? "").toLowerCase().startsWith(`svfop_${culprit}`);
  if (!("FuncCall" in node)) return false;
  const name = pathOf(node.FuncCall.funcname).at(-1);
  return culprit === "AT TIME ZONE" ? name === "timezone" : name === culprit.replace("()", "");
}
