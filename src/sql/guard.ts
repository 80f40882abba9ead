import { AppError, type Position } from "../errors.ts";
import { kindOf, locationOf, type Node, walk } from "./ast.ts";
import { GUARD_TABLES, type GuardTables } from "./guard-tables.ts";

export interface GuardRules {
  /** `guard.allowFunctions`: `name` or `schema.name`. */
  readonly allowFunctions: ReadonlySet<string>;
  /** True for the name of a function or of a type of the federation database, whatever its schema. */
  readonly isFunction: (name: string) => boolean;
  /** True for a reserved stand-in of a macro. */
  readonly isMacro: (name: string) => boolean;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/**
 * Refuses every node that is not on the allow-list: anything but one SELECT, anything that writes, locks, sets or waits,
 * functions and types outside the lists, and fields that are really calls (`(o).row_to_json`). Throws QUERY_FORBIDDEN with
 * the place. What depends on names in scope is checked where they are resolved: relations in `analyseBlocks`, columns that
 * are really calls (`o.row_to_json`) in `refuseCalledColumns`.
 */
export function guardTree(root: Node, rules: GuardRules, tables: GuardTables = GUARD_TABLES): void {
  if (!("SelectStmt" in root)) {
    const kind = kindOf(root);
    throw forbidden(
      rules,
      undefined,
      `${tables.names.get(kind) ?? kind.replace(/Stmt$/, "").toUpperCase()} is not allowed`,
      "only SELECT is",
    );
  }
  const shared = { tables, ...rules, isForbiddenCall: forbiddenCalls(rules, tables) };
  // What has no place of its own is reported at its nearest parent's.
  let near: number | undefined;
  walk(root, (node) => {
    near = locationOf(node) ?? near;
    const at = near;
    const kind = kindOf(node);
    const refusal = tables.refusals.get(kind);
    if (refusal !== undefined) throw forbidden(rules, at, refusal.message, refusal.hint);
    if (!tables.nodes.has(kind)) throw forbidden(rules, at, `${tables.names.get(kind) ?? kind} is not allowed here`);
    const facts = {
      ...shared,
      forbidden: (message: string, hint?: string) => forbidden(rules, at, message, hint),
    };
    for (const check of tables.checks.values()) check(node, facts);
  });
}

/** True for the names that `x.name` must not mean: a function or a type of the federation database that no list allows. */
export function forbiddenCalls(
  { allowFunctions, isFunction }: Pick<GuardRules, "allowFunctions" | "isFunction">,
  { functions, types }: Pick<GuardTables, "functions" | "types"> = GUARD_TABLES,
): (name: string) => boolean {
  return (name) => !functions.has(name) && !types.has(name) && !allowFunctions.has(name) && isFunction(name);
}

function forbidden(rules: GuardRules, byteOffset: number | undefined, message: string, hint?: string): AppError {
  return new AppError("QUERY_FORBIDDEN", message, { hint, position: rules.positionOf(byteOffset) });
}
