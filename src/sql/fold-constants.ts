import type { Volatility } from "../postgres/function-names.ts";
import {
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
  ["tstzrange", "tstzrange"],
  ["tsrange", "tsrange"],
  ["daterange", "daterange"],
]);

/**
 * The tree with each sub-expression that has one value in a request, such as `now() - interval '5 min'`, replaced by that value as a typed
 * literal: all tenants see the same instant, and postgres_fdw sends conditions on it. One statement evaluates all of them; when there is
 * nothing to fold none runs, and when PostgreSQL refuses it the tree stays as it is. Rejects as `evaluate` does.
 */
export async function foldConstants(root: Node, folding: Folding, parser: Parser): Promise<Node> {
  const isFoldable = createFoldTest(folding.volatilityOf);
  const found = new Map<string, Node>();
  replaceWithin(root, (node) => {
    if (!isFoldable(node)) return undefined;
    found.set(textOf(node), node);
    return node;
  });
  if (found.size === 0) return root;

  const targets = [...found.values()].map((node) => targetNode(node));
  const { sql } = await deparseVerified(selectOf(targets), parser);
  const values = await folding.evaluate(sql);
  if (values === null || values.length !== found.size) return root;

  const literals = new Map<string, Node>();
  for (const [index, text] of [...found.keys()].entries()) {
    const value = values[index];
    const type = value === undefined ? undefined : LITERAL_TYPES.get(value.type);
    if (value === undefined || type === undefined) continue;
    literals.set(text, castNode(value.text === null ? { A_Const: { isnull: true } } : textConstant(value.text), type));
  }
  return replaceWithin(root, (node) => {
    const literal = isFoldable(node) ? literals.get(textOf(node)) : undefined;
    return literal === undefined ? undefined : placedAt(literal, firstLocation(node));
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
