import {
  binaryNode,
  builtInName,
  callNode,
  castNode,
  type FuncCall,
  type Node,
  numberConstant,
  stringNode,
} from "./ast.ts";
import { isMovable, isOrderedType, type Source } from "./movable.ts";

/** What each tenant computes for an aggregate over all of them: aggregates of the same rows, by their names. */
const PARTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["avg", ["sum", "count"]],
  ...["count", "sum", "min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or", "bit_xor"].map(
    (name): [string, readonly string[]] => [name, [name]],
  ),
]);

/** A part as the SELECT around the arms reads it. */
export interface Part {
  readonly column: Node;
  readonly type: string;
}

/** The aggregates that each tenant computes for one over all tenants; null where the whole cannot be made of parts. */
export function partsOf(call: FuncCall, source: Source): readonly Node[] | null {
  const { args = [], agg_filter: filter } = call;
  const plain = call.agg_distinct !== true && call.agg_order === undefined && call.agg_within_group !== true;
  const inside = [...args, ...(filter === undefined ? [] : [filter])];
  if (!plain || args.length > 1 || !inside.every((node) => isMovable(node, source))) return null;
  const names = PARTS.get(builtInName(call) ?? "");
  return names?.map((name): Node => ({ FuncCall: { ...call, funcname: [stringNode(name)] } })) ?? null;
}

/** The aggregate over all tenants, made of what `partsOf` gave for it; null where a part's type has no such way. */
export function wholeOf(call: FuncCall, [part, counted]: readonly Part[]): Node | null {
  const name = builtInName(call) ?? "";
  if (part === undefined) return null;
  switch (name) {
    case "count":
      return castNode({ CoalesceExpr: { args: [callNode("sum", part.column), numberConstant(0)] } }, "int8");
    case "sum":
      return wholeSum(part);
    case "avg":
      return counted === undefined ? null : wholeAverage(part, counted);
    case "min":
    case "max":
      return isOrderedType(part.type) ? callNode(name, part.column) : null;
    default:
      return callNode(name, part.column);
  }
}

/** sum() of small integers is a bigint, whose sum would be a numeric. */
function wholeSum({ column, type }: Part): Node | null {
  const sum = callNode("sum", column);
  if (type === "bigint") return castNode(sum, "int8");
  // A real keeps so few digits that the order of adding shows.
  return type !== "real" && isOrderedType(type) ? sum : null;
}

/** PostgreSQL divides the sum by the count as numerics, or as floats where the values are; over no rows the average is null. */
function wholeAverage({ column, type }: Part, count: Part): Node | null {
  const zero: Node = {
    A_Expr: {
      kind: "AEXPR_NULLIF",
      name: [stringNode("=")],
      lexpr: callNode("sum", count.column),
      rexpr: numberConstant(0),
    },
  };
  const sum = callNode("sum", column);
  if (type === "bigint" || type === "numeric") return binaryNode("/", sum, zero);
  return type === "double precision" ? binaryNode("/", sum, castNode(zero, "float8")) : null;
}
