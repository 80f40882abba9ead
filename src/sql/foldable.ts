import type { Volatility } from "../postgres/function-names.ts";
import { mentionsTenant } from "../template/reserved.ts";
import { ALLOWED_FUNCTIONS } from "./allowed-functions.ts";
import { builtInName, childNodes, type FuncCall, kindOf, type Node, pathOf } from "./ast.ts";
import { saysPresent } from "./time-literal.ts";

/** Kinds of nodes that read nothing themselves: an expression of these alone has one value in a request, if its functions allow it. */
const READING_NOTHING: ReadonlySet<string> = new Set(
  `A_Const TypeCast TypeName String Integer List A_Expr BoolExpr FuncCall NamedArgExpr SQLValueFunction CaseExpr CaseWhen
   CoalesceExpr MinMaxExpr NullTest BooleanTest A_ArrayExpr RowExpr`.split(/\s+/),
);

/** Of those, the kinds that are an expression with one scalar value wherever they stand. */
const SCALAR: ReadonlySet<string> = new Set(
  `TypeCast A_Expr BoolExpr FuncCall SQLValueFunction CaseExpr CoalesceExpr MinMaxExpr NullTest BooleanTest`.split(
    /\s+/,
  ),
);

const TIME_TYPES: ReadonlySet<string> = new Set(["timestamptz", "timestamp", "date", "timetz", "time"]);

interface Facts {
  /** True when nothing at or below reads a column, a tenant or a volatile function. */
  readonly constant: boolean;
  /** True when something at or below changes from one statement to the next, or with the session's time zone. */
  readonly stable: boolean;
  readonly hasTime: boolean;
}

/**
 * Tells whether a node is to be evaluated once for the request: it has one value, and PostgreSQL does not compute it before it plans.
 * `1 + 1` is not, since PostgreSQL does that itself. `volatilityOf` knows the worst over all functions, or operators, of a name.
 */
export function createFoldTest(volatilityOf: (name: string) => Volatility | undefined): (node: Node) => boolean {
  const known = new WeakMap<Node, Facts>();

  const factsOf = (node: Node): Facts => {
    const found = known.get(node);
    if (found !== undefined) return found;
    const inside = [...childNodes(Object.values(node))].map(factsOf);
    const hasTime = inside.some((facts) => facts.hasTime) || isTimeType(node);
    const facts = {
      constant: inside.every(({ constant }) => constant) && isConstantItself(node, volatilityOf),
      stable: inside.some(({ stable }) => stable) || isStableItself(node, hasTime, volatilityOf),
      hasTime,
    };
    known.set(node, facts);
    return facts;
  };

  return (node) => {
    if (!SCALAR.has(kindOf(node))) return false;
    const { constant, stable } = factsOf(node);
    return constant && stable;
  };
}

function isConstantItself(node: Node, volatilityOf: (name: string) => Volatility | undefined): boolean {
  if (!READING_NOTHING.has(kindOf(node))) return false;
  if ("A_Const" in node) return !mentionsTenant(node.A_Const.sval?.sval ?? "");
  if ("FuncCall" in node)
    return isScalarCall(node.FuncCall) && volatilityOfCall(node.FuncCall, volatilityOf) !== undefined;
  if ("A_Expr" in node)
    return pathOf(node.A_Expr.name).every((name) => isPredicate(name) || volatilityOf(name) !== undefined);
  return true;
}

/** `BETWEEN` and `IN` are names of A_Exprs, and operators of the time types to PostgreSQL. */
function isPredicate(name: string): boolean {
  return /^(NOT )?BETWEEN( SYMMETRIC)?$/.test(name) || name === "pg_catalog";
}

/** A plain call of a scalar function: aggregates and windows read rows. */
function isScalarCall(call: FuncCall): boolean {
  return (
    call.over === undefined &&
    call.agg_filter === undefined &&
    (call.agg_order ?? []).length === 0 &&
    call.agg_star !== true &&
    call.agg_distinct !== true &&
    call.agg_within_group !== true
  );
}

/** Undefined for a function that an operator allowed, of which nothing is known. */
function volatilityOfCall(
  call: FuncCall,
  volatilityOf: (name: string) => Volatility | undefined,
): Volatility | undefined {
  const name = builtInName(call) ?? "";
  return ALLOWED_FUNCTIONS.has(name) ? volatilityOf(name) : undefined;
}

function isTimeType(node: Node): boolean {
  return "TypeName" in node && TIME_TYPES.has(pathOf(node.TypeName.names).at(-1) ?? "");
}

function isStableItself(node: Node, hasTime: boolean, volatilityOf: (name: string) => Volatility | undefined): boolean {
  if ("SQLValueFunction" in node) return true;
  if ("FuncCall" in node) return volatilityOfCall(node.FuncCall, volatilityOf) === "stable";
  // `timestamptz '…' - interval '1 day'` depends on the time zone, and so does the comparison of a timestamp with a timestamptz.
  if ("A_Expr" in node) return hasTime;
  if (!("TypeCast" in node) || !hasTime) return false;
  const argument = node.TypeCast.arg;
  // A typed literal is read when the statement is, and then is a constant; but 'now' is the moment of reading.
  return argument === undefined || !("A_Const" in argument) || saysPresent(argument.A_Const.sval?.sval ?? "");
}
