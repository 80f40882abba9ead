import { AppError, type Position } from "../errors.ts";
import { firstLocation, isSetOperation, type Node, walk } from "./ast.ts";

/** Each is looked at in the light of all that are around it: 240 sides of a UNION took up to 2.3 s, and kept everybody else waiting. */
const MAX_SELECTS = 150;

/** Throws QUERY_FORBIDDEN, with the place of the first that is too many, when a statement has more than 150 SELECTs. */
export function limitSelects(
  statement: Node,
  positionOf: (byteOffset: number | undefined) => Position | undefined,
): void {
  let selects = 0;
  walk(statement, (node) => {
    if ("SelectStmt" in node && !isSetOperation(node.SelectStmt)) selects += 1;
    if (selects <= MAX_SELECTS) return true;
    throw new AppError("QUERY_FORBIDDEN", `the query has more than ${MAX_SELECTS} SELECTs`, {
      hint: "bring what they have in common together: $<tenant> asks all tenants with one",
      position: positionOf(firstLocation(node)),
    });
  });
}
