import { AppError, type Position } from "../errors.ts";
import { ALLOWED_FUNCTIONS } from "./allowed-functions.ts";
import { kindOf, locationOf, type Node, pathOf, walk } from "./ast.ts";

export interface GuardRules {
  /** `guard.allowFunctions`: `name` or `schema.name`. */
  readonly allowFunctions: ReadonlySet<string>;
  /** True for the name of a function or of a type of the federation database, whatever its schema. */
  readonly isFunction: (name: string) => boolean;
  /** True for a reserved stand-in of a macro. */
  readonly isMacro: (name: string) => boolean;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/** Kinds of nodes that a query may have; each is there because a construct of plain SELECTs needs it. */
export const ALLOWED_NODES: ReadonlySet<string> = new Set(
  `SelectStmt ResTarget ColumnRef A_Star A_Const String Integer List RangeVar RangeSubselect
   RangeFunction JoinExpr Alias A_Expr BoolExpr FuncCall TypeCast TypeName SortBy WindowDef SubLink CaseExpr CaseWhen
   CoalesceExpr MinMaxExpr NullTest BooleanTest A_ArrayExpr RowExpr GroupingSet GroupingFunc CommonTableExpr WithClause
   SQLValueFunction CollateClause A_Indirection A_Indices NamedArgExpr ColumnDef CTESearchClause CTECycleClause`.split(
    /\s+/,
  ),
);

const TYPES: ReadonlySet<string> = new Set(
  `bool boolean int2 int4 int8 smallint int integer bigint float4 float8 real numeric decimal text varchar bpchar char
   name uuid date time timetz timestamp timestamptz interval json jsonb jsonpath bytea bit varbit inet cidr macaddr macaddr8
   money oid point line lseg box path polygon circle tsvector tsquery int4range int8range numrange tsrange tstzrange daterange
   int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange xml record`.split(/\s+/),
);

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"]);

const STATEMENTS: Readonly<Record<string, string>> = {
  InsertStmt: "INSERT",
  UpdateStmt: "UPDATE",
  DeleteStmt: "DELETE",
  MergeStmt: "MERGE",
  TransactionStmt: "a transaction command",
  VariableSetStmt: "SET",
  VariableShowStmt: "SHOW",
  CopyStmt: "COPY",
  DoStmt: "DO",
  ExplainStmt: "EXPLAIN",
};

/**
 * Refuses every node that is not on the allow-list: anything but one SELECT, anything that writes, locks, sets or waits,
 * functions and types outside the lists, and columns that are really calls (`o.row_to_json`). Throws QUERY_FORBIDDEN with
 * the place. Relations are checked where names are resolved, in `analyseBlocks`.
 */
export function guardTree(root: Node, rules: GuardRules): void {
  if (!("SelectStmt" in root)) {
    const kind = kindOf(root);
    throw forbidden(
      rules,
      undefined,
      `${STATEMENTS[kind] ?? kind.replace(/Stmt$/, "").toUpperCase()} is not allowed`,
      "only SELECT is",
    );
  }
  // What has no place of its own is reported at its nearest parent's.
  let near: number | undefined;
  walk(root, (node) => {
    near = locationOf(node) ?? near;
    checkNode(node, rules, near);
  });
}

function forbidden(rules: GuardRules, byteOffset: number | undefined, message: string, hint?: string): AppError {
  return new AppError("QUERY_FORBIDDEN", message, { hint, position: rules.positionOf(byteOffset) });
}

function checkNode(node: Node, rules: GuardRules, at: number | undefined): void {
  const kind = kindOf(node);
  if (kind === "ParamRef")
    throw forbidden(
      rules,
      at,
      "parameters such as $1 are not allowed",
      "write the value, or $param(name) in a named query",
    );
  if (kind === "LockingClause")
    throw forbidden(rules, at, "FOR UPDATE and FOR SHARE are not allowed", "leave the clause out: Tenantry only reads");
  if (kind === "IntoClause")
    throw forbidden(rules, at, "SELECT INTO is not allowed", "leave INTO out: Tenantry only reads");
  if (!ALLOWED_NODES.has(kind)) throw forbidden(rules, at, `${STATEMENTS[kind] ?? kind} is not allowed here`);
  if ("CommonTableExpr" in node) {
    const query = node.CommonTableExpr.ctequery;
    if (query === undefined || !("SelectStmt" in query))
      throw forbidden(rules, at, "a WITH query that writes is not allowed", "only SELECT is");
  }
  if ("FuncCall" in node) checkFunction(pathOf(node.FuncCall.funcname), rules, at);
  if ("TypeName" in node) checkType(pathOf(node.TypeName.names), node.TypeName.pct_type === true, rules, at);
  if ("ColumnRef" in node) checkColumn(pathOf(node.ColumnRef.fields), rules, at);
  if ("A_Indirection" in node) {
    for (const step of node.A_Indirection.indirection ?? []) {
      // `(x).f` calls f(x) for any type of x: ('…').ts_stat runs SQL.
      if ("String" in step) checkColumn(["", step.String.sval ?? ""], rules, at);
    }
  }
  if ("A_Expr" in node) checkOperator(pathOf(node.A_Expr.name), rules, at);
  if ("SortBy" in node) checkOperator(pathOf(node.SortBy.useOp), rules, at);
  if ("SubLink" in node) checkOperator(pathOf(node.SubLink.operName), rules, at);
  if ("CollateClause" in node) checkCollation(pathOf(node.CollateClause.collname), rules, at);
  if (
    "SQLValueFunction" in node &&
    !/^SVFOP_(CURRENT_(DATE|TIME|TIMESTAMP)|LOCALTIME)/.test(node.SQLValueFunction.op ?? "")
  ) {
    throw forbidden(rules, at, "functions that tell the session's role or database are not allowed");
  }
}

function checkFunction(path: readonly string[], rules: GuardRules, at: number | undefined): void {
  const [schema, name] = path.length > 1 ? [path.slice(0, -1).join("."), path.at(-1) ?? ""] : [null, path[0] ?? ""];
  if (schema === null && rules.isMacro(name)) return;
  if ((schema === null || schema === "pg_catalog") && ALLOWED_FUNCTIONS.has(name)) return;
  if (rules.allowFunctions.has(schema === null ? name : `${schema}.${name}`)) return;
  throw forbidden(
    rules,
    at,
    `the function ${path.join(".")} is not allowed`,
    "if it only reads, an operator can list it in guard.allowFunctions",
  );
}

function checkType(names: readonly string[], percentType: boolean, rules: GuardRules, at: number | undefined): void {
  const name = names.length === 2 && names[0] === "pg_catalog" ? (names[1] ?? "") : names.join(".");
  if (percentType || !TYPES.has(name)) {
    throw forbidden(
      rules,
      at,
      `the type ${name}${percentType ? "%TYPE" : ""} is not allowed`,
      "cast to a built-in type such as text, numeric or timestamptz",
    );
  }
}

function checkColumn(path: readonly string[], rules: GuardRules, at: number | undefined): void {
  const name = path.at(-1) ?? "";
  if (SYSTEM_COLUMNS.has(name)) throw forbidden(rules, at, `the system column ${name} is not allowed`);
  if (path.length === 1 || name === "*") return;
  // `t.f` calls the function f(t), or casts t to the type f, when t has no column f; nothing in the tree tells which. So names of functions
  // that may not be called are refused, also where a column has one: it can be written without its table's name.
  if (ALLOWED_FUNCTIONS.has(name) || TYPES.has(name) || rules.allowFunctions.has(name) || !rules.isFunction(name))
    return;
  throw forbidden(
    rules,
    at,
    `${path.filter((part) => part !== "").join(".")} could be a call of the function ${name}, which is not allowed`,
    `if ${name} is a column, write it without its table's name`,
  );
}

function checkOperator(path: readonly string[], rules: GuardRules, at: number | undefined): void {
  if (path.length > 1 && path[0] !== "pg_catalog")
    throw forbidden(rules, at, `the operator's schema "${path[0]}" is not allowed`, "write the operator by itself");
}

function checkCollation(path: readonly string[], rules: GuardRules, at: number | undefined): void {
  if (path.length > 1 && path[0] !== "pg_catalog")
    throw forbidden(rules, at, `the collation's schema "${path[0]}" is not allowed`, "name a collation of pg_catalog");
}
