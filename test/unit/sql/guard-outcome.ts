import { analyseBlocks } from "../../../src/sql/analyse-blocks.ts";
import type { Node } from "../../../src/sql/ast.ts";
import { forbiddenCalls, guardTree } from "../../../src/sql/guard.ts";
import { refuseCalledColumns } from "../../../src/sql/guard-columns.ts";
import { GUARD_TABLES, type GuardTables } from "../../../src/sql/guard-tables.ts";
import type { Parser } from "../../../src/sql/parser.ts";

export interface OutcomeOptions {
  readonly allowFunctions?: readonly string[];
  readonly tables?: GuardTables;
  /** False to leave out the check of columns that could be calls. */
  readonly checksColumns?: boolean;
}

/** The only statement of `sql`. */
export async function rootOf(sql: string, parser: Parser): Promise<Node> {
  const statement = (await parser.parse(sql)).stmts?.[0]?.stmt;
  if (statement === undefined) throw new Error(`no statement in ${sql}`);
  return statement;
}

/** What the guard says to a query over columns a and b of relations without a catalog; null when it lets the query pass. */
export async function guardOutcome(sql: string, parser: Parser, options: OutcomeOptions = {}): Promise<string | null> {
  return outcomeOf(await rootOf(sql, parser), options);
}

/** The same for a tree; the guard leaves it as it is. */
export function outcomeOf(root: Node, options: OutcomeOptions = {}): string | null {
  const tables = options.tables ?? GUARD_TABLES;
  const positionOf = () => undefined;
  const rules = {
    allowFunctions: new Set(options.allowFunctions ?? []),
    isFunction: (name: string) => !["a", "b", "given", "nosuch"].includes(name),
    isMacro: (name: string) => name === "__tnt_m_x",
    positionOf,
  };
  try {
    guardTree(root, rules, tables);
    if ("SelectStmt" in root && options.checksColumns !== false)
      refuseCalledColumns(root.SelectStmt, {
        analysis: analyseBlocks(root.SelectStmt, { selectors: [], positionOf }),
        columnsOf: () => new Map(),
        tenantColumn: "tenant",
        isForbiddenCall: forbiddenCalls(rules, tables),
        positionOf,
      });
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "QUERY_FORBIDDEN"
      ? error.message
      : String(error);
  }
}
