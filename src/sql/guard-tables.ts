import { ALLOWED_FUNCTIONS } from "./allowed-functions.ts";
import { GUARD_CHECKS, type GuardCheck } from "./guard-checks.ts";

/** What the guard decides by, as data, so that a test can take out one entry after the other and see that it is missed. */
export interface GuardTables {
  /** Kinds of nodes that a query may have; each is there because a construct of plain SELECTs needs it. */
  readonly nodes: ReadonlySet<string>;
  /** Types that may be named; none that is an object's identifier, a row type or another schema's. */
  readonly types: ReadonlySet<string>;
  readonly systemColumns: ReadonlySet<string>;
  /** Functions of `pg_catalog` that may be called. */
  readonly functions: ReadonlySet<string>;
  /** What kinds of nodes that are refused are called in SQL. */
  readonly names: ReadonlyMap<string, string>;
  /** Kinds of nodes that are refused with a sentence of their own. */
  readonly refusals: ReadonlyMap<string, { readonly message: string; readonly hint: string }>;
  /** What is looked at in the nodes that are allowed. */
  readonly checks: ReadonlyMap<string, GuardCheck>;
}

const NODES = `SelectStmt ResTarget ColumnRef A_Star A_Const String Integer List RangeVar RangeSubselect
  RangeFunction JoinExpr Alias A_Expr BoolExpr FuncCall TypeCast TypeName SortBy WindowDef SubLink CaseExpr CaseWhen
  CoalesceExpr MinMaxExpr NullTest BooleanTest A_ArrayExpr RowExpr GroupingSet GroupingFunc CommonTableExpr WithClause
  SQLValueFunction CollateClause A_Indirection A_Indices NamedArgExpr ColumnDef CTESearchClause CTECycleClause`;

const TYPES = `bool boolean int2 int4 int8 smallint int integer bigint float4 float8 real numeric decimal text varchar bpchar char
  name uuid date time timetz timestamp timestamptz interval json jsonb jsonpath bytea bit varbit inet cidr macaddr macaddr8
  money oid point line lseg box path polygon circle tsvector tsquery int4range int8range numrange tsrange tstzrange daterange
  int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange record`;

const NAMES = {
  TransactionStmt: "a transaction command",
  VariableSetStmt: "SET",
  VariableShowStmt: "SHOW",
};

const REFUSALS = {
  ParamRef: {
    message: "parameters such as $1 are not allowed",
    hint: "write the value, or $param(name) in a named query",
  },
  LockingClause: {
    message: "FOR UPDATE and FOR SHARE are not allowed",
    hint: "leave the clause out: Tenantry only reads",
  },
  IntoClause: { message: "SELECT INTO is not allowed", hint: "leave INTO out: Tenantry only reads" },
};

/** The tables that Tenantry guards by. */
export const GUARD_TABLES: GuardTables = {
  nodes: new Set(NODES.split(/\s+/)),
  types: new Set(TYPES.split(/\s+/)),
  systemColumns: new Set(["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"]),
  functions: ALLOWED_FUNCTIONS,
  names: new Map(Object.entries(NAMES)),
  refusals: new Map(Object.entries(REFUSALS)),
  checks: new Map(Object.entries(GUARD_CHECKS)),
};
