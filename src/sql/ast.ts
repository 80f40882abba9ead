import type { A_Const, ColumnRef, FuncCall, Node, RangeVar, ResTarget, SelectStmt, SubLink } from "libpg-query";

/** Reading, walking, copying and making nodes of PostgreSQL's raw parse tree. A node is an object with one key: its kind. */

/** Fields that hold a node without the object that names its kind. */
const BARE_FIELDS: ReadonlyMap<string, string> = new Map([
  ["larg", "SelectStmt"],
  ["rarg", "SelectStmt"],
  ["withClause", "WithClause"],
  ["intoClause", "IntoClause"],
  ["alias", "Alias"],
  ["join_using_alias", "Alias"],
  ["typeName", "TypeName"],
  ["over", "WindowDef"],
  ["search_clause", "CTESearchClause"],
  ["cycle_clause", "CTECycleClause"],
]);

/** True for `{ Kind: { … } }`. Field names are lower case, kinds are not. */
export function isNode(value: unknown): value is Node {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  let only: string | undefined;
  for (const key in value) {
    if (only !== undefined) return false;
    only = key;
  }
  return only !== undefined && only >= "A" && only < "[";
}

/** The kind of a node: `ColumnRef`. */
export function kindOf(node: Node): string {
  return Object.keys(node)[0] ?? "";
}

/** The nodes directly below `value`, which is a node's inside, in the order of the tree's fields. */
export function childNodes(value: unknown): readonly Node[] {
  const found: Node[] = [];
  eachChild(value, (node) => found.push(node));
  return found;
}

// Trees are walked a dozen times for each request: nothing is gathered on the way.
function eachChild(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isNode(item)) visit(item);
      else eachChild(item, visit);
    }
    return;
  }
  if (!isFields(value)) return;
  for (const field in value) {
    const child = value[field];
    if (typeof child !== "object" || child === null) continue;
    const node = isNode(child) ? child : wrapped(field, child);
    if (node === undefined) eachChild(child, visit);
    else visit(node);
  }
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** `arg` and the like hold wrapped nodes; larg and rarg hold them bare in a SelectStmt and wrapped in a JoinExpr. */
function wrapped(field: string, child: object): Node | undefined {
  const kind = BARE_FIELDS.get(field);
  if (kind === undefined || Array.isArray(child)) return undefined;
  const node: unknown = { [kind]: child };
  return isNode(node) ? node : undefined;
}

/** Calls `visit` for every node at and below `value`, parents first; `false` keeps it out of that node's inside. */
export function walk(value: unknown, visit: (node: Node) => boolean | undefined): void {
  const visitNode = (node: Node): void => {
    if (visit(node) !== false) for (const inside of Object.values(node)) walkInside(inside);
  };
  const walkInside = (inside: unknown): void => (isNode(inside) ? visitNode(inside) : eachChild(inside, visitNode));
  walkInside(value);
}

/** A deep copy of `value` in which each node for which `replace` gives a node has become that; the others are copied. */
export function copyTree<T>(value: T, replace: (node: Node) => Node | undefined): T;
export function copyTree(value: unknown, replace: (node: Node) => Node | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => copyTree(item, replace));
  if (!isFields(value)) return value;
  const own = isNode(value) ? replace(value) : undefined;
  if (own !== undefined) return own;
  const copy: Record<string, unknown> = {};
  for (const field in value) {
    const child = value[field];
    const node = typeof child !== "object" || child === null || isNode(child) ? undefined : wrapped(field, child);
    const replaced = node === undefined ? undefined : replace(node);
    copy[field] = replaced === undefined ? copyTree(child, replace) : Object.values(replaced)[0];
  }
  return copy;
}

export type SetOperation = SelectStmt & { larg: SelectStmt; rarg: SelectStmt };

/** True for UNION, EXCEPT and INTERSECT; false for a simple `SELECT` or `VALUES`. */
export function isSetOperation(select: SelectStmt): select is SetOperation {
  return (
    select.op !== undefined && select.op !== "SETOP_NONE" && select.larg !== undefined && select.rarg !== undefined
  );
}

/** The sides of a set operation, left to right, down to simple selects; a simple select is its own only side. */
export function sidesOf(select: SelectStmt): SelectStmt[] {
  return isSetOperation(select) ? [...sidesOf(select.larg), ...sidesOf(select.rarg)] : [select];
}

/** The names of a ColumnRef's or a function's dotted path; `*` for a star. */
export function pathOf(fields: readonly Node[] | undefined): string[] {
  return (fields ?? []).map((field) => ("String" in field ? (field.String.sval ?? "") : "*"));
}

/** The name of a built-in function that a call means; undefined for a function of another schema. */
export function builtInName(call: FuncCall): string | undefined {
  const path = pathOf(call.funcname);
  return path.length === 1 || (path.length === 2 && path[0] === "pg_catalog") ? path.at(-1) : undefined;
}

/** The relations and joins that a simple select's own FROM names, not those of its sub-selects. */
export function rangeVarsOf(select: SelectStmt): RangeVar[] {
  const found: RangeVar[] = [];
  for (const item of fromItemsOf(select)) if ("RangeVar" in item) found.push(item.RangeVar);
  return found;
}

/** Everything that stands in a select's own FROM, with joins taken apart. */
export function fromItemsOf(select: SelectStmt): Node[] {
  const open = (node: Node | undefined): Node[] => {
    if (node === undefined) return [];
    return "JoinExpr" in node ? [...open(node.JoinExpr.larg), ...open(node.JoinExpr.rarg)] : [node];
  };
  return (select.fromClause ?? []).flatMap(open);
}

/** The name by which a FROM item's columns are qualified; undefined where it has none, and for a join. */
export function aliasOf(item: Node): string | undefined {
  if ("RangeVar" in item) return item.RangeVar.alias?.aliasname ?? item.RangeVar.relname;
  if ("RangeSubselect" in item) return item.RangeSubselect.alias?.aliasname;
  return "RangeFunction" in item ? item.RangeFunction.alias?.aliasname : undefined;
}

/** The output column name that PostgreSQL gives a target, `*` for a star, null where it would be `?column?`. */
export function outputName(target: ResTarget): string | null {
  if (target.name !== undefined) return target.name;
  return target.val === undefined ? null : (nameOfExpression(target.val)?.name ?? null);
}

/** True when a name of a column, or of a row, stands in an expression. */
export function readsColumn(value: Node): boolean {
  let found = false;
  walk(value, (node) => {
    if ("ColumnRef" in node) found = true;
    return !found;
  });
  return found;
}

/** True for an output that is as many columns as the schema says: `*`, `t.*` or `(t).*`. */
export function isStar(target: Node): boolean {
  return "ResTarget" in target && outputName(target.ResTarget) === "*";
}

/** PostgreSQL's FigureColname: a weak name gives way to the type that it is cast to; null where there is nothing to name it by. */
function nameOfExpression(node: Node): { readonly name: string | null; readonly weak: boolean } | null {
  const strong = (name: string | null | undefined) => (name === undefined ? null : { name, weak: false });
  if ("ColumnRef" in node) return strong(pathOf(node.ColumnRef.fields).at(-1));
  if ("FuncCall" in node) return strong(pathOf(node.FuncCall.funcname).at(-1));
  if ("SQLValueFunction" in node)
    return strong(/^SVFOP_(.+?)(_N)?$/.exec(node.SQLValueFunction.op ?? "")?.[1]?.toLowerCase());
  if ("A_ArrayExpr" in node) return strong("array");
  if ("RowExpr" in node) return strong("row");
  if ("CoalesceExpr" in node) return strong("coalesce");
  if ("MinMaxExpr" in node) return strong(node.MinMaxExpr.op === "IS_LEAST" ? "least" : "greatest");
  if ("GroupingFunc" in node) return strong("grouping");
  if ("A_Expr" in node) return node.A_Expr.kind === "AEXPR_NULLIF" ? strong("nullif") : null;
  if ("A_Indirection" in node) {
    // `(t).*`
    if (node.A_Indirection.indirection?.some((step) => "A_Star" in step)) return strong("*");
    const field = (node.A_Indirection.indirection ?? []).findLast((step) => "String" in step);
    return field === undefined ? nameOfInner(node.A_Indirection.arg) : strong(pathOf([field])[0]);
  }
  if ("TypeCast" in node) {
    const inner = nameOfInner(node.TypeCast.arg);
    const type = pathOf(node.TypeCast.typeName?.names).at(-1);
    return (inner !== null && !inner.weak) || type === undefined ? inner : { name: type, weak: true };
  }
  if ("CollateClause" in node) return nameOfInner(node.CollateClause.arg);
  if ("CaseExpr" in node) {
    const inner = nameOfInner(node.CaseExpr.defresult);
    return inner !== null && !inner.weak ? inner : { name: "case", weak: true };
  }
  return "SubLink" in node ? nameOfSubLink(node.SubLink) : null;
}

function nameOfInner(node: Node | undefined): ReturnType<typeof nameOfExpression> {
  return node === undefined ? null : nameOfExpression(node);
}

function nameOfSubLink({ subLinkType, subselect }: SubLink): ReturnType<typeof nameOfExpression> {
  if (subLinkType === "EXISTS_SUBLINK") return { name: "exists", weak: false };
  if (subLinkType === "ARRAY_SUBLINK") return { name: "array", weak: false };
  if (subLinkType !== "EXPR_SUBLINK" || subselect === undefined || !("SelectStmt" in subselect)) return null;
  const first = sidesOf(subselect.SelectStmt)[0];
  if (first?.valuesLists !== undefined) return { name: "column1", weak: false };
  const target = first?.targetList?.[0];
  // A sub-select's column always has a name, even if that is `?column?`: no cast gives it another.
  return target !== undefined && "ResTarget" in target ? { name: outputName(target.ResTarget), weak: false } : null;
}

/** The target with `val` in the place of its expression, under the name that its output had. */
export function renamedTarget(target: ResTarget, val: Node): Node {
  const changed = { ...target, val };
  const name = outputName(target);
  return { ResTarget: outputName(changed) === name ? changed : { ...changed, name: name ?? "?column?" } };
}

export function stringNode(sval: string): Node {
  return { String: { sval } };
}

export function textConstant(sval: string): Node {
  return { A_Const: { sval: { sval } } };
}

/** A number as PostgreSQL's lexer would read it: a small integer, or the digits kept as text. */
export function numberConstant(value: number): Node {
  const constant: A_Const =
    Number.isInteger(value) && Math.abs(value) <= 2_147_483_647
      ? { ival: { ival: value } }
      : { fval: { fval: String(value) } };
  // The parser leaves out a zero, as every field that has its default.
  if (value === 0) return { A_Const: { ival: {} } };
  return { A_Const: constant };
}

/** The whole number that a node is, as PostgreSQL's lexer read it: a position, or a limit; null for everything else. */
export function integerConstant(node: Node | undefined): number | null {
  return node !== undefined && "A_Const" in node && node.A_Const.ival !== undefined
    ? (node.A_Const.ival.ival ?? 0)
    : null;
}

export function columnNode(...path: readonly string[]): Node {
  return { ColumnRef: { fields: path.map((part) => (part === "*" ? { A_Star: {} } : stringNode(part))) } };
}

export function callNode(name: string, ...args: Node[]): Node {
  return { FuncCall: { funcname: [stringNode(name)], args, funcformat: "COERCE_EXPLICIT_CALL" } };
}

/** `CAST(arg AS type)`; the type as the parser names it: words of the grammar, such as numeric, are `pg_catalog.numeric` to it. */
export function castNode(arg: Node, type: string): Node {
  return { TypeCast: { arg, typeName: { names: type.split(".").map(stringNode), typemod: -1 } } };
}

export function binaryNode(operator: string, lexpr: Node, rexpr: Node): Node {
  return { A_Expr: { kind: "AEXPR_OP", name: [stringNode(operator)], lexpr, rexpr } };
}

export function targetNode(val: Node, name?: string): Node {
  return { ResTarget: name === undefined ? { val } : { name, val } };
}

/** `SELECT … FROM …` with nothing else. */
export function selectNode(targetList: Node[], fromClause: Node[]): SelectStmt {
  return { targetList, fromClause, limitOption: "LIMIT_OPTION_DEFAULT", op: "SETOP_NONE" };
}

export function rangeVarNode(relname: string): Node {
  return { RangeVar: { relname, inh: true, relpersistence: "p" } };
}

/** Where a node begins in the parsed text, in UTF-8 bytes; undefined for nodes that carry no place. A place of 0 is left out by the parser. */
export function locationOf(node: Node): number | undefined {
  const inside: unknown = Object.values(node)[0];
  if (typeof inside !== "object" || inside === null || !("location" in inside)) return undefined;
  return typeof inside.location === "number" && inside.location >= 0 ? inside.location : undefined;
}

/** The smallest place at or below a node. */
export function firstLocation(value: unknown): number | undefined {
  let first: number | undefined;
  walk(value, (node) => {
    const location = locationOf(node);
    if (location !== undefined && (first === undefined || location < first)) first = location;
  });
  return first;
}

export type { ColumnRef, FuncCall, Node, RangeVar, ResTarget, SelectStmt };
