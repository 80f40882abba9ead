import { AppError, type Position } from "../errors.ts";
import { walk } from "./ast.ts";
import type { CteBinding } from "./cte-scope.ts";

/** Ten WITH queries that each read the one before twice are 1,024 ways through them. */
const MAX_WAYS = 10_000;

/**
 * WITH queries that read each other several times have exponentially many ways through them, and what a name means is looked up along all
 * of them. Throws QUERY_FORBIDDEN, with the WITH query's place, when there are more than 10,000.
 */
export function limitReferences(
  bindings: readonly CteBinding[],
  positionOf: (byteOffset: number | undefined) => Position | undefined,
): void {
  const known = new Map<string, number>();
  const waysOf = (name: string): number => {
    const found = known.get(name);
    if (found !== undefined) return found;
    // One that reads itself adds nothing, and neither does the name of a table.
    known.set(name, 0);
    const ways = Math.max(0, ...bindings.filter(({ cte }) => cte.ctename === name).map(waysThrough));
    known.set(name, ways);
    return ways;
  };
  const waysThrough = ({ cte, query }: CteBinding): number => {
    let ways = 1;
    walk({ SelectStmt: query }, (node) => {
      if ("RangeVar" in node && node.RangeVar.schemaname === undefined) ways += waysOf(node.RangeVar.relname ?? "");
      return true;
    });
    if (ways <= MAX_WAYS) return ways;
    throw new AppError("QUERY_FORBIDDEN", `the WITH query ${cte.ctename ?? ""} reads others over and over`, {
      hint: "let it read each of them once",
      position: positionOf(cte.location),
    });
  };
  for (const { cte } of bindings) waysOf(cte.ctename ?? "");
}
