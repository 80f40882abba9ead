import { isAggregate } from "./aggregates.ts";
import { builtInName, columnNode, copyTree, kindOf, type Node, pathOf, walk } from "./ast.ts";
import { timeGroupOf } from "./expand-macros.ts";
import { saysPresent } from "./time-literal.ts";

/** A copied block as a SELECT around it reads it. */
export interface Source {
  readonly alias: string;
  /** Types of its columns, the same in every tenant; without the tenant column. */
  readonly columns: ReadonlyMap<string, string>;
  readonly tenantColumn: string;
  /** True when no other source in the FROM could give a column that is named without its source. */
  readonly alone: boolean;
}

/** Functions that give the same on a tenant's server as on the federation database, whatever the collations and the encodings of the two. */
const MOVABLE_FUNCTIONS: ReadonlySet<string> = new Set(
  `abs array_length cardinality cbrt ceil ceiling char_length character_length date_bin date_part date_trunc div exp extract floor isfinite
   length ln log mod power round sign sqrt to_timestamp trunc width_bucket`.split(/\s+/),
);

const MOVABLE_NODES: ReadonlySet<string> = new Set(
  `A_ArrayExpr A_Const A_Expr BoolExpr Boolean BooleanTest CaseExpr CaseWhen CoalesceExpr ColumnRef Float FuncCall Integer List MinMaxExpr
   NullTest RowExpr String TypeCast TypeName A_Star`.split(/\s+/),
);

/** Types whose values no collation orders; for the others a tenant's server may order in another way. */
const ORDERED_TYPES: ReadonlySet<string> = new Set([
  "smallint",
  "integer",
  "bigint",
  "numeric",
  "real",
  "double precision",
  "date",
  "time without time zone",
  "timestamp without time zone",
  "timestamp with time zone",
  "interval",
]);

/** Operators that give a text, which a collation would order. */
const TEXT_OPERATORS: ReadonlySet<string> = new Set(["||", "->>", "#>>"]);
const UNORDERED_OPERATORS: ReadonlySet<string> = new Set(["=", "<>"]);
const UNORDERED_KINDS: ReadonlySet<string> = new Set([
  "AEXPR_IN",
  "AEXPR_DISTINCT",
  "AEXPR_NOT_DISTINCT",
  "AEXPR_NULLIF",
]);
/** Casts to these give no text. */
const PLAIN_CASTS: ReadonlySet<string> = new Set(
  "int2 int4 int8 numeric float4 float8 bool date time timestamp timestamptz interval".split(" "),
);

export function isOrderedType(type: string): boolean {
  return ORDERED_TYPES.has(type);
}

/**
 * True when an expression over the rows of `source` gives the same wherever it is evaluated: on the federation database over the gathered
 * rows, or in each arm. It reads nothing but the source's columns, nothing of the present and nothing volatile, and orders no text.
 */
export function isMovable(expression: Node, source: Source): boolean {
  let movable = true;
  walk(expression, (node) => {
    if (!MOVABLE_NODES.has(kindOf(node))) movable = false;
    if ("ColumnRef" in node && sourceColumn(node, source) === null) movable = false;
    if ("FuncCall" in node && !isMovableCall(node)) movable = false;
    if ("A_Const" in node && saysPresent(node.A_Const.sval?.sval ?? "")) movable = false;
    if (ordersText(node, source)) movable = false;
    return movable;
  });
  return movable;
}

function isMovableCall(node: Extract<Node, { FuncCall: unknown }>): boolean {
  const call = node.FuncCall;
  if (timeGroupOf(node) !== undefined) return true;
  return !isAggregate(call) && call.over === undefined && MOVABLE_FUNCTIONS.has(builtInName(call) ?? "");
}

/** The name of the source's column that a reference means; null when it means anything else. */
export function sourceColumn(node: Node, source: Source): string | null {
  if (!("ColumnRef" in node)) return null;
  const path = pathOf(node.ColumnRef.fields);
  const [name = "", qualifier] = path.toReversed();
  if (path.length > 2 || (qualifier === undefined ? !source.alone : qualifier !== source.alias)) return null;
  return source.columns.has(name) || name === source.tenantColumn ? name : null;
}

function ordersText(node: Node, source: Source): boolean {
  if ("MinMaxExpr" in node) return hasText(node.MinMaxExpr.args, source);
  if (!("A_Expr" in node)) return false;
  const { kind = "", name, lexpr, rexpr } = node.A_Expr;
  if (UNORDERED_KINDS.has(kind) || (kind === "AEXPR_OP" && UNORDERED_OPERATORS.has(pathOf(name).at(-1) ?? "")))
    return false;
  // A text that is put together is compared, if at all, by the operator around it.
  if (kind === "AEXPR_OP" && TEXT_OPERATORS.has(pathOf(name).at(-1) ?? "")) return false;
  return hasText([lexpr, rexpr], source);
}

function hasText(value: unknown, source: Source): boolean {
  let found = false;
  walk(value, (node) => {
    const column = sourceColumn(node, source);
    // The tenant's name is a constant in an arm, which the federation database compares as it would over the gathered rows.
    if (column === source.tenantColumn) return false;
    // Whatever is no number and no time counts as a text: a range, an array or a row may hold one.
    const type = column === null ? undefined : source.columns.get(column);
    if (type !== undefined && !isOrderedType(type) && type !== "boolean") found = true;
    if ("A_Expr" in node && TEXT_OPERATORS.has(pathOf(node.A_Expr.name).at(-1) ?? "")) found = true;
    if ("TypeCast" in node && !PLAIN_CASTS.has(pathOf(node.TypeCast.typeName?.names).at(-1) ?? "")) found = true;
    return !found;
  });
  return found;
}

/** The expression as an arm says it: the tenant's name, which the block around the arm reads as a column, is a value there. */
export function asInArm<T>(expression: T, source: Source): T {
  return copyTree(expression, (node) =>
    sourceColumn(node, source) === source.tenantColumn ? columnNode(source.tenantColumn) : undefined,
  );
}
