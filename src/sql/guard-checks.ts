import type { AppError } from "../errors.ts";
import { type Node, pathOf } from "./ast.ts";
import type { GuardTables } from "./guard-tables.ts";

/** What a check asks about the settings and the federation database. */
export interface CheckContext {
  readonly tables: Pick<GuardTables, "types" | "systemColumns" | "functions">;
  /** `guard.allowFunctions`: `name` or `schema.name`. */
  readonly allowFunctions: ReadonlySet<string>;
  /** True for a reserved stand-in of a macro. */
  readonly isMacro: (name: string) => boolean;
  /** True for a name that may not be called, as `x.name` would. */
  readonly isForbiddenCall: (name: string) => boolean;
  /** The refusal, at the node's place. */
  readonly forbidden: (message: string, hint?: string) => AppError;
}

/** Throws the refusal of a node, if it finds fault with it. */
export type GuardCheck = (node: Node, context: CheckContext) => void;

const MAX_PADDED_LENGTH = 10_000;

/** One check for each way in which a node of an allowed kind can still reach what it may not. */
export const GUARD_CHECKS = {
  "WITH queries": (node, { forbidden }) => {
    if (!("CommonTableExpr" in node)) return;
    const query = node.CommonTableExpr.ctequery;
    if (query === undefined || !("SelectStmt" in query))
      throw forbidden("a WITH query that writes is not allowed", "only SELECT is");
  },
  functions: (node, context) => {
    if ("FuncCall" in node) checkFunction(pathOf(node.FuncCall.funcname), context);
  },
  types: (node, { tables, forbidden }) => {
    if (!("TypeName" in node)) return;
    const names = pathOf(node.TypeName.names);
    const name = names.length === 2 && names[0] === "pg_catalog" ? (names[1] ?? "") : names.join(".");
    if (tables.types.has(name) && node.TypeName.pct_type !== true) return;
    throw forbidden(
      `the type ${name}${node.TypeName.pct_type === true ? "%TYPE" : ""} is not allowed`,
      "cast to a built-in type such as text, numeric or timestamptz",
    );
  },
  // char(n) and bit(n) are padded: ten million bytes for each row, when told so.
  "lengths of types": (node, { forbidden }) => {
    if (!("TypeName" in node) || !/^(bpchar|char|bit)$/.test(pathOf(node.TypeName.names).at(-1) ?? "")) return;
    const [length] = node.TypeName.typmods ?? [];
    if (length === undefined) return;
    if (
      !("A_Const" in length) ||
      (length.A_Const.ival?.ival ?? 0) > MAX_PADDED_LENGTH ||
      length.A_Const.fval !== undefined
    )
      throw forbidden(`char(n) and bit(n) may be ${MAX_PADDED_LENGTH} long`, "use text, varchar or bit varying");
  },
  // format('%1000000000s') makes a gigabyte; so its text must be known here.
  "widths of format": (node, { allowFunctions, forbidden }) => {
    if (!("FuncCall" in node) || pathOf(node.FuncCall.funcname).at(-1) !== "format" || allowFunctions.has("format"))
      return;
    const [text] = node.FuncCall.args ?? [];
    const known = text !== undefined && "A_Const" in text ? (text.A_Const.sval?.sval ?? null) : null;
    if (known === null || /%-*[\d*]/.test(known.replaceAll("%%", "").replaceAll(/%\d+\$/g, "%")))
      throw forbidden("format needs a literal text without widths", "write format('%s …', …)");
  },
  "system columns": (node, context) => {
    if ("ColumnRef" in node) checkSystemColumn(pathOf(node.ColumnRef.fields).at(-1) ?? "", context);
  },
  // `(x).f` calls f(x) for any type of x: ('…').ts_stat runs SQL. Whether x is a row that has a column f is not known here.
  fields: (node, context) => {
    if (!("A_Indirection" in node)) return;
    for (const step of node.A_Indirection.indirection ?? []) {
      if (!("String" in step)) continue;
      const name = step.String.sval ?? "";
      checkSystemColumn(name, context);
      if (!context.isForbiddenCall(name)) continue;
      throw context.forbidden(
        `${name} could be a call of the function ${name}, which is not allowed`,
        `if ${name} is a column, write it without its table's name`,
      );
    }
  },
  operators: (node, context) => {
    if ("A_Expr" in node) checkOperator(pathOf(node.A_Expr.name), context);
  },
  "operators to sort by": (node, context) => {
    if ("SortBy" in node) checkOperator(pathOf(node.SortBy.useOp), context);
  },
  "operators of sub-selects": (node, context) => {
    if ("SubLink" in node) checkOperator(pathOf(node.SubLink.operName), context);
  },
  collations: (node, { forbidden }) => {
    if (!("CollateClause" in node)) return;
    const path = pathOf(node.CollateClause.collname);
    if (path.length > 1 && path[0] !== "pg_catalog")
      throw forbidden(`the collation's schema "${path[0]}" is not allowed`, "name a collation of pg_catalog");
  },
  "what tells the session": (node, { forbidden }) => {
    if (!("SQLValueFunction" in node)) return;
    if (!/^SVFOP_(CURRENT_(DATE|TIME|TIMESTAMP)|LOCALTIME)/.test(node.SQLValueFunction.op ?? ""))
      throw forbidden("functions that tell the session's role or database are not allowed");
  },
} satisfies Readonly<Record<string, GuardCheck>>;

function checkFunction(path: readonly string[], context: CheckContext): void {
  const { tables, allowFunctions, isMacro, forbidden } = context;
  const [schema, name] = path.length > 1 ? [path.slice(0, -1).join("."), path.at(-1) ?? ""] : [null, path[0] ?? ""];
  if (schema === null && isMacro(name)) return;
  if ((schema === null || schema === "pg_catalog") && tables.functions.has(name)) return;
  if (allowFunctions.has(schema === null ? name : `${schema}.${name}`)) return;
  throw forbidden(
    `the function ${path.join(".")} is not allowed`,
    "if it only reads, an operator can list it in guard.allowFunctions",
  );
}

function checkSystemColumn(name: string, { tables, forbidden }: CheckContext): void {
  if (tables.systemColumns.has(name)) throw forbidden(`the system column ${name} is not allowed`);
}

function checkOperator(path: readonly string[], { forbidden }: CheckContext): void {
  if (path.length > 1 && path[0] !== "pg_catalog")
    throw forbidden(`the operator's schema "${path[0]}" is not allowed`, "write the operator by itself");
}
