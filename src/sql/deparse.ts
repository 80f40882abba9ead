import { Deparser } from "pgsql-deparser";
import { AppError } from "../errors.ts";
import { copyTree, type Node, type SelectStmt, walk } from "./ast.ts";
import { type Parser, SqlSyntaxError } from "./parser.ts";

/** SQL text of a tree, and the way back: where in the user's text a place of this text comes from. */
export interface DeparsedSql {
  readonly sql: string;
  /** Byte offset in the parsed template of the node at, or nearest before, a byte offset of `sql`; undefined before the first. */
  readonly originOf: (byteOffset: number) => number | undefined;
}

/** Fields that tell places and lengths, which a round trip changes. */
const PLACES: ReadonlySet<string> = new Set([
  "location",
  "list_start",
  "list_end",
  "rexpr_list_start",
  "rexpr_list_end",
  "stmt_location",
  "stmt_len",
]);

/**
 * Prints a SELECT and proves the print: it is parsed again and must give the same tree, since the deparser silently changes
 * some constructs (30 of 17,254 SELECTs of a corpus). Throws TEMPLATE_UNSUPPORTED for those.
 */
export async function deparseVerified(given: SelectStmt, parser: Parser): Promise<DeparsedSql> {
  const select = hasNestedChain(given) ? copyTree(given, flatChain) : given;
  const sql = print(select);
  const reparsed = await parser.parse(sql).catch((error: unknown) => {
    throw error instanceof SqlSyntaxError ? unprintable(error) : error;
  });
  const [first, ...others] = reparsed.stmts ?? [];
  const statement = first?.stmt;
  const origins: [printed: number, origin: number][] = [];
  if (
    others.length > 0 ||
    statement === undefined ||
    !("SelectStmt" in statement) ||
    !equal(select, statement.SelectStmt, origins)
  )
    throw unprintable();
  origins.sort((a, b) => a[0] - b[0]);
  return { sql, originOf: (offset) => origins.findLast(([printed]) => printed <= offset)?.[1] };
}

function hasNestedChain(select: SelectStmt): boolean {
  let found = false;
  walk(select, (node) => {
    found ||= flattened(node) !== undefined;
    return !found;
  });
  return found;
}

function flatChain(node: Node): Node | undefined {
  const flat = flattened(node);
  return flat === undefined ? undefined : copyTree(flat, flatChain);
}

/** `(a AND b) AND c` is one AND to the parser, which a macro or a rewritten condition before an AND is not. */
function flattened(node: Node): Node | undefined {
  if (!("BoolExpr" in node)) return undefined;
  const { boolop, args: [first, ...others] = [] } = node.BoolExpr;
  if (first === undefined || !("BoolExpr" in first) || first.BoolExpr.boolop !== boolop || others.length === 0)
    return undefined;
  return { BoolExpr: { ...node.BoolExpr, args: [...(first.BoolExpr.args ?? []), ...others] } };
}

function unprintable(cause?: Error): AppError {
  return new AppError(
    "TEMPLATE_UNSUPPORTED",
    "the query uses a construct that cannot be copied for each tenant without changing it",
    {
      hint: "known ones are GROUP BY DISTINCT, a subscript right behind ARRAY[…], and WITH TIES in an inner SELECT; write it in another way",
      cause,
    },
  );
}

/** The SQL text of a tree, unproven: for people to read. */
export function print(select: SelectStmt): string {
  const text = Deparser.deparse({ SelectStmt: select }, { pretty: false });
  return select.limitOption === "LIMIT_OPTION_WITH_TIES" ? withTies(text) : text;
}

/** The deparser prints `FETCH FIRST n ROWS WITH TIES` as `LIMIT n`; the proof above sees whether this mends it. */
function withTies(text: string): string {
  return text.replace(
    / LIMIT (\S+)( OFFSET .*)?$/s,
    (_, count: string, offset: string | undefined) => `${offset ?? ""} FETCH FIRST ${count} ROWS WITH TIES`,
  );
}

/** Deep equality apart from places; `origins` gathers the pairs of places that correspond. */
export function equal(left: unknown, right: unknown, origins: [number, number][] = []): boolean {
  if (left === right) return true;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => equal(item, right[index], origins))
    );
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  const origin = field(left, "location");
  const printed = field(right, "location");
  if (typeof origin === "number" && typeof printed === "number" && origin >= 0 && printed >= 0)
    origins.push([printed, origin]);
  for (const key of Object.keys(left)) {
    if (!PLACES.has(key) && !equal(field(left, key), field(right, key), origins)) return false;
  }
  for (const key of Object.keys(right)) {
    if (!PLACES.has(key) && !Object.hasOwn(left, key) && field(right, key) !== undefined) return false;
  }
  return true;
}

function field(node: object, key: string): unknown {
  return Object.hasOwn(node, key) ? Reflect.get(node, key) : undefined;
}
