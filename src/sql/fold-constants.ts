import type { Volatility } from "../postgres/function-names.ts";
import { RESERVED_PREFIX } from "../template/reserved.ts";
import {
  builtInName,
  castNode,
  copyTree,
  firstLocation,
  kindOf,
  type Node,
  type ResTarget,
  renamedTarget,
  type SelectStmt,
  targetNode,
  textConstant,
} from "./ast.ts";
import { deparseVerified, print } from "./deparse.ts";
import { createFoldTest } from "./foldable.ts";
import type { Parser } from "./parser.ts";

/** One value as PostgreSQL prints it, and its type's name as `format_type` writes it. */
export interface EvaluatedConstant {
  readonly text: string | null;
  readonly type: string;
}

/** What folding asks the federation database. */
export interface Folding {
  /** See `FunctionNames.volatilities`. */
  readonly volatilityOf: (name: string) => Volatility | undefined;
  /** The one row of a SELECT that reads no table, column by column; null when PostgreSQL refuses it. */
  readonly evaluate: (sql: string) => Promise<readonly EvaluatedConstant[] | null>;
}

/** Types whose text form is read back as the same value, as the parser names them. */
const LITERAL_TYPES: ReadonlyMap<string, string> = new Map([
  ["timestamp with time zone", "pg_catalog.timestamptz"],
  ["timestamp without time zone", "pg_catalog.timestamp"],
  ["date", "date"],
  ["time with time zone", "pg_catalog.timetz"],
  ["time without time zone", "pg_catalog.time"],
  ["interval", "pg_catalog.interval"],
  ["numeric", "pg_catalog.numeric"],
  ["double precision", "pg_catalog.float8"],
  ["real", "pg_catalog.float4"],
  ["smallint", "pg_catalog.int2"],
  ["integer", "pg_catalog.int4"],
  ["bigint", "pg_catalog.int8"],
  ["boolean", "pg_catalog.bool"],
  ["text", "text"],
  ["character varying", "pg_catalog.varchar"],
  ["uuid", "uuid"],
  ["json", "json"],
  ["jsonb", "jsonb"],
  ["tstzrange", "tstzrange"],
  ["tsrange", "tsrange"],
  ["daterange", "daterange"],
]);

/** Rounds in which what has no literal is left alone for what stands inside it; each asks for everything anew, so that all is of one instant. */
const MAX_ROUNDS = 4;

/**
 * The tree with each sub-expression that has one value in a request, such as `now() - interval '5 min'`, replaced by that value as a typed
 * literal: all tenants see the same instant, and postgres_fdw sends conditions on it. One statement evaluates all of them; when there is
 * nothing to fold none runs, and when PostgreSQL refuses it only the present itself (`now()`, `current_date`) is replaced. Rejects as `evaluate` does.
 */
export async function foldConstants(root: Node, folding: Folding, parser: Parser): Promise<Node> {
  const isConstant = createFoldTest(folding.volatilityOf);
  const withoutLiteral = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const isFoldable = (node: Node): boolean => isConstant(node) && !withoutLiteral.has(textOf(node));
    const expressions = foldableIn(root, isFoldable);
    if (expressions.size === 0) return root;
    const literals = await literalsOf(expressions, folding, parser);
    // It may be what no row would have come to, such as 1 / 0 in a CASE.
    if (literals === null) return foldPresent(root, isConstant, folding, parser);
    const lacking = [...literals].flatMap(([text, literal]) => (literal === null ? [text] : []));
    if (lacking.length === 0) return withLiterals(root, literals, isFoldable);
    for (const text of lacking) withoutLiteral.add(text);
  }
  return root;
}

const PRESENT: ReadonlySet<string> = new Set(["now", "transaction_timestamp", "statement_timestamp"]);

/** The instant alone is the same for all tenants then, and cannot fail. */
async function foldPresent(
  root: Node,
  isConstant: (node: Node) => boolean,
  folding: Folding,
  parser: Parser,
): Promise<Node> {
  const isPresent = (node: Node): boolean =>
    isConstant(node) &&
    ("SQLValueFunction" in node || ("FuncCall" in node && PRESENT.has(builtInName(node.FuncCall) ?? "")));
  const expressions = foldableIn(root, isPresent);
  const literals = expressions.size === 0 ? null : await literalsOf(expressions, folding, parser);
  return literals === null ? root : withLiterals(root, literals, isPresent);
}

/** The largest expressions to evaluate, by their text. */
function foldableIn(root: Node, isFoldable: (node: Node) => boolean): ReadonlyMap<string, Node> {
  const found = new Map<string, Node>();
  replaceWithin(root, (node) => {
    if (!isFoldable(node)) return undefined;
    found.set(textOf(node), node);
    return node;
  });
  return found;
}

/** The literal of each expression, null for one that has none; null when PostgreSQL refuses to evaluate them. */
async function literalsOf(
  expressions: ReadonlyMap<string, Node>,
  { evaluate }: Folding,
  parser: Parser,
): Promise<ReadonlyMap<string, Node | null> | null> {
  const targets = [...expressions.values()].map((node) => targetNode(node));
  const { sql } = await deparseVerified(selectOf(targets), parser);
  const values = await evaluate(sql);
  if (values === null) return null;
  return new Map([...expressions.keys()].map((text, index) => [text, literalOf(values[index])]));
}

function literalOf(value: EvaluatedConstant | undefined): Node | null {
  const type = value === undefined ? undefined : LITERAL_TYPES.get(value.type);
  if (value === undefined || type === undefined) return null;
  if (value.text === null) return castNode({ A_Const: { isnull: true } }, type);
  // A value may not look like a stand-in of ours: those are replaced wherever they are found.
  return value.text.includes(RESERVED_PREFIX) ? null : castNode(textConstant(value.text), type);
}

function withLiterals(
  root: Node,
  literals: ReadonlyMap<string, Node | null>,
  isFoldable: (node: Node) => boolean,
): Node {
  return replaceWithin(root, (node) => {
    const literal = isFoldable(node) ? literals.get(textOf(node)) : undefined;
    return literal === undefined || literal === null ? undefined : placedAt(literal, firstLocation(node));
  });
}

function selectOf(targetList: Node[]): SelectStmt {
  return { targetList, limitOption: "LIMIT_OPTION_DEFAULT", op: "SETOP_NONE" };
}

function textOf(node: Node): string {
  return print(selectOf([targetNode(node)]));
}

/** `copyTree` for expressions: output columns keep their names, and what must stay a call, or a constant, does. */
function replaceWithin<T>(root: T, replace: (node: Node) => Node | undefined): T {
  const replaceNode = (node: Node): Node | undefined => {
    if ("ResTarget" in node) return renamed(node.ResTarget);
    // The constants of a CYCLE clause can be nothing else by PostgreSQL's grammar.
    if (kindOf(node) === "CTECycleClause") return node;
    if ("RangeFunction" in node) {
      const functions = (node.RangeFunction.functions ?? []).map((item) => aroundCall(item));
      return { RangeFunction: { ...node.RangeFunction, functions } };
    }
    return replace(node);
  };
  const renamed = (target: ResTarget): Node | undefined =>
    target.val === undefined ? undefined : renamedTarget(target, copyTree(target.val, replaceNode));
  // A function in FROM is a call, whatever it returns: only its arguments are expressions.
  const aroundCall = (item: Node): Node =>
    "List" in item
      ? { List: { ...item.List, items: (item.List.items ?? []).map(aroundCall) } }
      : "FuncCall" in item
        ? { FuncCall: copyTree(item.FuncCall, replaceNode) }
        : item;
  return copyTree(root, replaceNode);
}

/** The literal at the place of what it stands for, so that PostgreSQL's errors point there. */
function placedAt(literal: Node, location: number | undefined): Node {
  if (location === undefined || !("TypeCast" in literal)) return literal;
  const { arg } = literal.TypeCast;
  const placed = arg !== undefined && "A_Const" in arg ? { A_Const: { ...arg.A_Const, location } } : arg;
  return { TypeCast: { ...literal.TypeCast, ...(placed && { arg: placed }), location } };
}
