import type { Node } from "./ast.ts";

/** The parts of a condition that must all hold. */
export function conjunctsOf(condition: Node | undefined): readonly Node[] {
  if (condition === undefined) return [];
  if ("BoolExpr" in condition && condition.BoolExpr.boolop === "AND_EXPR")
    return (condition.BoolExpr.args ?? []).flatMap(conjunctsOf);
  return [condition];
}

/** One condition of several; undefined of none. */
export function allOf(conditions: readonly Node[]): Node | undefined {
  const parts = conditions.flatMap(conjunctsOf);
  const [first, ...others] = parts;
  return first === undefined || others.length === 0 ? first : { BoolExpr: { boolop: "AND_EXPR", args: [...parts] } };
}
