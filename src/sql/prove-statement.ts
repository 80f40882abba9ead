import { AppError } from "../errors.ts";
import { ALLOWED_FUNCTIONS } from "./allowed-functions.ts";
import { childNodes, type Node, pathOf, type RangeVar, type SelectStmt } from "./ast.ts";
import type { Parser } from "./parser.ts";

export interface Permitted {
  /** Relations that the statement may read. */
  readonly relations: readonly { readonly schema: string; readonly name: string }[];
  /** `guard.allowFunctions`. */
  readonly functions: ReadonlySet<string>;
}

/**
 * The last gate before the federation database: reads the very text that will be sent and requires that it is one SELECT, that every relation
 * in it is one of those that were decided on, schema and all, or a WITH query in scope, and that every function is on the list. It shares
 * nothing with the stages before but the parser, so that a mistake of theirs cannot pass both. Throws QUERY_FORBIDDEN.
 */
export async function proveStatement(sql: string, permitted: Permitted, parser: Parser): Promise<void> {
  const [first, ...others] = (await parser.parse(sql)).stmts ?? [];
  const statement = first?.stmt;
  if (others.length > 0 || statement === undefined || !("SelectStmt" in statement))
    throw refused("it is not one SELECT");
  proveSelect(statement.SelectStmt, new Set(), {
    relations: new Set(permitted.relations.map(({ schema, name }) => key(schema, name))),
    functions: permitted.functions,
  });
}

interface Proof {
  readonly relations: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

function key(schema: string, name: string): string {
  return JSON.stringify([schema, name]);
}

/** `known` are the WITH queries of the SELECTs around this one, by PostgreSQL's rules of scope. */
function proveSelect(select: SelectStmt, known: ReadonlySet<string>, proof: Proof): void {
  const { withClause, intoClause, lockingClause, ...body } = select;
  if (intoClause !== undefined || lockingClause !== undefined) throw refused("it writes or locks");
  const names = new Set(known);
  const queries = (withClause?.ctes ?? []).map((node) => {
    const query = "CommonTableExpr" in node ? node.CommonTableExpr.ctequery : undefined;
    if (!("CommonTableExpr" in node) || query === undefined || !("SelectStmt" in query))
      throw refused("a WITH query is no SELECT");
    return { name: node.CommonTableExpr.ctename ?? "", query: query.SelectStmt };
  });
  if (new Set(queries.map(({ name }) => name)).size < queries.length) throw refused("two WITH queries have one name");
  if (withClause?.recursive === true) for (const { name } of queries) names.add(name);
  for (const { name, query } of queries) {
    proveSelect(query, new Set(names), proof);
    names.add(name);
  }
  for (const node of childNodes(body)) proveNode(node, names, proof);
}

function proveNode(node: Node, names: ReadonlySet<string>, proof: Proof): void {
  if ("SelectStmt" in node) {
    proveSelect(node.SelectStmt, names, proof);
    return;
  }
  if ("RangeVar" in node) proveRelation(node.RangeVar, names, proof);
  if ("FuncCall" in node) proveFunction(pathOf(node.FuncCall.funcname), proof);
  for (const inside of childNodes(Object.values(node))) proveNode(inside, names, proof);
}

function proveRelation(
  { catalogname, schemaname, relname = "" }: RangeVar,
  names: ReadonlySet<string>,
  proof: Proof,
): void {
  const permitted = schemaname === undefined ? names.has(relname) : proof.relations.has(key(schemaname, relname));
  if (!permitted || catalogname !== undefined)
    throw refused(`it would read ${schemaname === undefined ? "" : `${schemaname}.`}${relname}`);
}

function proveFunction(path: readonly string[], { functions }: Proof): void {
  const name = path.at(-1) ?? "";
  const builtIn = path.length === 1 || (path.length === 2 && path[0] === "pg_catalog");
  if ((builtIn && ALLOWED_FUNCTIONS.has(name)) || functions.has(path.join("."))) return;
  throw refused(`it would call ${path.join(".")}`);
}

function refused(problem: string): AppError {
  return new AppError("QUERY_FORBIDDEN", `the statement that would be sent is refused: ${problem}`, {
    hint: "please report the query: it should have been refused with its place",
  });
}
