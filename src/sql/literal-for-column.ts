import { builtInName, castNode, type Node, pathOf, textConstant } from "./ast.ts";
import { type TimeLiteral, timeLiteralOf, untypedInstant } from "./time-literal.ts";

/** The types of the table column that a node is, over all tenants; null for anything else. */
export type ColumnTypes = (node: Node) => ReadonlySet<string> | null;

const TIMESTAMP = "timestamp without time zone";
const TIMESTAMPTZ = "timestamp with time zone";
const SPELLINGS = { timestamp: TIMESTAMP, timestamptz: TIMESTAMPTZ, date: "date" } as const;
const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);

/** True when every tenant's column is a `timestamp` or a `timestamptz`, and there is one. */
export function areTimestamps(types: ReadonlySet<string>): boolean {
  return types.size > 0 && [...types].every((type) => type === TIMESTAMP || type === TIMESTAMPTZ);
}

/** The operator of a comparison written by itself, such as `>=`; null for any other node. */
export function comparisonOf(node: Node): string | null {
  if (!("A_Expr" in node) || node.A_Expr.kind !== "AEXPR_OP" || node.A_Expr.name?.length !== 1) return null;
  const [name] = node.A_Expr.name;
  const operator = name !== undefined && "String" in name ? (name.String.sval ?? "") : "";
  return COMPARISONS.has(operator) ? operator : null;
}

/**
 * A comparison of a column with time literals, or a difference, with the literals typed for the column: postgres_fdw never sends an operator
 * between a `timestamp` and a `timestamptz`, since it depends on the session's time zone, which here is UTC. Undefined where nothing is to be done.
 */
export function literalsForColumn(node: Node, typesOf: ColumnTypes): Node | undefined {
  if (!("A_Expr" in node)) return undefined;
  const { kind, lexpr, rexpr } = node.A_Expr;
  if (lexpr === undefined || rexpr === undefined) return undefined;
  const sides =
    comparisonOf(node) !== null || isDifference(node) || kind === "AEXPR_DISTINCT" || kind === "AEXPR_NOT_DISTINCT";
  const range = /^AEXPR_(NOT_)?BETWEEN(_SYM)?$/.test(kind ?? "");
  if (sides) return changed(node, retyped(lexpr, [rexpr], typesOf), retyped(rexpr, [lexpr], typesOf));
  if (!("List" in rexpr) || (!range && kind !== "AEXPR_IN")) return undefined;
  const items = rexpr.List.items ?? [];
  const others = items.map((item) => retyped(item, [lexpr], typesOf));
  const list = others.some((item) => item !== undefined)
    ? { List: { ...rexpr.List, items: items.map((item, index) => others[index] ?? item) } }
    : undefined;
  return changed(node, range ? retyped(lexpr, items, typesOf) : undefined, list);
}

function isDifference(node: Extract<Node, { A_Expr: unknown }>): boolean {
  return node.A_Expr.kind === "AEXPR_OP" && pathOf(node.A_Expr.name).join(".") === "-";
}

/** Argument whose type a function gives, for times with and without a zone. */
const TYPE_OF_ARGUMENT: ReadonlyMap<string, number> = new Map([
  ["min", 0],
  ["max", 0],
  ["date_bin", 1],
  ["date_trunc", 1],
]);

/** The types of an expression that has those of one column: the column itself, `max(c)`, `date_trunc('day', c)`. */
function typesOfValue(node: Node, typesOf: ColumnTypes): ReadonlySet<string> | null {
  if (!("FuncCall" in node)) return typesOf(node);
  const { args = [] } = node.FuncCall;
  const name = builtInName(node.FuncCall);
  const index = TYPE_OF_ARGUMENT.get(name ?? "");
  const argument = index === undefined ? undefined : args[index];
  // With a zone, date_trunc gives a timestamptz whatever it is given.
  if (argument === undefined || (name === "date_trunc" && args.length > 2)) return null;
  const types = typesOfValue(argument, typesOf);
  return types !== null && areTimestamps(types) ? types : null;
}

function changed(
  node: Extract<Node, { A_Expr: unknown }>,
  left: Node | undefined,
  right: Node | undefined,
): Node | undefined {
  if (left === undefined && right === undefined) return undefined;
  return { A_Expr: { ...node.A_Expr, ...(left && { lexpr: left }), ...(right && { rexpr: right }) } };
}

/** The literal `node` as it is best compared with all of `columns`. */
function retyped(node: Node, columns: readonly Node[], typesOf: ColumnTypes): Node | undefined {
  const literal = timeLiteralOf(node);
  if (literal === null) return undefined;
  const each = columns.map((column) => typesOfValue(column, typesOf));
  const types = new Set<string>();
  for (const own of each) {
    if (own === null || own.size === 0) return undefined;
    for (const type of own) types.add(type);
  }
  if (types.size === 1 && types.has(SPELLINGS[literal.type])) return undefined;
  if (areTimestamps(types)) return placed(textConstant(untypedInstant(literal.utc)), literal);
  // A date meets a timestamp without a look at the time zone, a timestamptz not.
  const isDated = types.has("date") && [...types].every((type) => type === "date" || type === TIMESTAMP);
  return isDated && literal.type === "timestamptz"
    ? castNode(placed(textConstant(literal.utc), literal), "pg_catalog.timestamp")
    : undefined;
}

function placed(constant: Node, { location }: TimeLiteral): Node {
  return "A_Const" in constant && location !== undefined ? { A_Const: { ...constant.A_Const, location } } : constant;
}
