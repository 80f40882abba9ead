import type { CommonTableExpr } from "libpg-query";
import type { RangeVar, SelectStmt } from "./ast.ts";

/**
 * What becomes of a block: `copied` once per tenant; `once`, reading the rows of copied blocks; `plain`, once, reading none.
 * Blocks inside a copied block have no class of their own: they are part of its copies.
 */
export type BlockClass = "copied" | "once" | "plain";

/** A WITH query and where its name is known. */
export interface CteBinding {
  readonly cte: CommonTableExpr;
  readonly query: SelectStmt;
  /** The select that the WITH belongs to. */
  readonly owner: SelectStmt;
  readonly withRecursive: boolean;
  /** Position among all WITH queries of the template, in reading order. */
  readonly order: number;
  class: BlockClass;
  selfReferencing: boolean;
  /** True when a block that is not copied refers to it. */
  readOnce: boolean;
}

export type CteScope = ReadonlyMap<string, CteBinding>;

/** The WITH query that a relation's name means in `scope`. */
export function bindingOf(relation: RangeVar, scope: CteScope): CteBinding | undefined {
  return relation.schemaname === undefined ? scope.get(relation.relname ?? "") : undefined;
}
