import type { ParamDeclarationValue } from "../types.ts";
import { castNode, type Node, textConstant } from "./ast.ts";

const TYPES = {
  text: "text",
  integer: "int8",
  // A word of the grammar: the parser names it with its schema.
  number: "pg_catalog.numeric",
  boolean: "bool",
  timestamp: "timestamptz",
} as const;

/** The typed literal that a parameter becomes. */
export function paramLiteral({ type, value }: ParamDeclarationValue): Node {
  if (value === null) return castNode({ A_Const: { isnull: true } }, TYPES[type]);
  return castNode(textConstant(String(value)), TYPES[type]);
}
