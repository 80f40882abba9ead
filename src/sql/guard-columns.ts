import type { Alias, JoinExpr, RangeFunction } from "libpg-query";
import { AppError, type Position } from "../errors.ts";
import { type BlockAnalysis, isFleetRelation } from "./analyse-blocks.ts";
import { aliasOf, childNodes, locationOf, type Node, pathOf, type RangeVar, type SelectStmt, sidesOf } from "./ast.ts";
import type { ColumnFacts } from "./column-scope.ts";
import { bindingOf } from "./cte-scope.ts";

export interface ColumnRules {
  readonly analysis: Pick<BlockAnalysis, "classOf" | "scopeOf">;
  /** Columns of a `$<tenant>` relation in any tenant, or of a local one, by name. */
  readonly columnsOf: (relation: RangeVar) => ReadonlyMap<string, ColumnFacts>;
  readonly tenantColumn: string;
  /** True for a name that may not be called: PostgreSQL has a function or a type of it, and no list allows it. */
  readonly isForbiddenCall: (name: string) => boolean;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/**
 * `t.f` is a call `f(t)`, or a cast of t to the type f, when t has no column f; nothing in the tree tells which. So a qualified name that may
 * not be called passes only where it is a column for certain: every source that the qualifier can mean has it, in every tenant that the
 * caller may see. Throws QUERY_FORBIDDEN with the place.
 */
export function refuseCalledColumns(root: SelectStmt, rules: ColumnRules): void {
  visit({ SelectStmt: root }, [], undefined, rules);
}

/** `chain` are the SELECTs around `node`, outermost first. */
function visit(node: Node, chain: readonly SelectStmt[], near: number | undefined, rules: ColumnRules): void {
  const at = locationOf(node) ?? near;
  if ("ColumnRef" in node) checkColumn(pathOf(node.ColumnRef.fields), chain, at, rules);
  const around = "SelectStmt" in node ? [...chain, node.SelectStmt] : chain;
  for (const inside of childNodes(Object.values(node))) visit(inside, around, at, rules);
}

function checkColumn(
  path: readonly string[],
  chain: readonly SelectStmt[],
  at: number | undefined,
  rules: ColumnRules,
): void {
  const [name = "", qualifier] = path.toReversed();
  if (qualifier === undefined || name === "*" || !rules.isForbiddenCall(name)) return;
  if (surelyColumn(qualifier, name, chain, new Set(), rules)) return;
  throw new AppError(
    "QUERY_FORBIDDEN",
    `${path.join(".")} could be a call of the function ${name}, which is not allowed`,
    {
      hint: `if ${name} is a column, write it without its table's name`,
      position: rules.positionOf(at),
    },
  );
}

type Seen = ReadonlySet<SelectStmt>;

/**
 * Which of several sources of one name PostgreSQL takes depends on LATERAL, on the order of the sources and on where in the SELECT the name
 * stands. So all of them must have the column; a source that is out of reach makes an error, never a call.
 */
function surelyColumn(
  qualifier: string,
  name: string,
  chain: readonly SelectStmt[],
  seen: Seen,
  rules: ColumnRules,
): boolean {
  const found = chain.flatMap((select, index) =>
    (select.fromClause ?? [])
      .flatMap((item) => sourcesIn(item, qualifier))
      .map((has) => has({ name, select, outer: chain.slice(0, index), seen, rules })),
  );
  return found.length > 0 && found.every((has) => has);
}

interface Question {
  readonly name: string;
  /** The SELECT in whose FROM the source stands. */
  readonly select: SelectStmt;
  readonly outer: readonly SelectStmt[];
  readonly seen: Seen;
  readonly rules: ColumnRules;
}

/** The sources called `qualifier` in a FROM item, as questions whether they surely have a column. */
function sourcesIn(item: Node, qualifier: string): ((question: Question) => boolean)[] {
  if (!("JoinExpr" in item)) return aliasOf(item) === qualifier ? [(question) => itemHas(item, question)] : [];
  const { larg, rarg, alias, join_using_alias: usingAlias, usingClause } = item.JoinExpr;
  return [
    ...(alias?.aliasname === qualifier ? [(question: Question) => itemHas(item, question)] : []),
    // The alias of USING has the columns of USING and no others.
    ...(usingAlias?.aliasname === qualifier ? [({ name }: Question) => pathOf(usingClause).includes(name)] : []),
    ...[larg, rarg].flatMap((side) => (side === undefined ? [] : sourcesIn(side, qualifier))),
  ];
}

function itemHas(item: Node, question: Question): boolean {
  if ("JoinExpr" in item) return joinHas(item.JoinExpr, question);
  if ("RangeVar" in item) return renamed(item.RangeVar.alias, question.name) ?? relationHas(item.RangeVar, question);
  if ("RangeFunction" in item) return functionHas(item.RangeFunction, question.name);
  if (!("RangeSubselect" in item)) return false;
  const { alias, subquery } = item.RangeSubselect;
  if (subquery === undefined || !("SelectStmt" in subquery)) return false;
  const { select, outer } = question;
  return renamed(alias, question.name) ?? outputHas(subquery.SelectStmt, { ...question, outer: [...outer, select] });
}

/** Undefined when there is no list of column names: it renames the first columns, whichever they are. */
function renamed(alias: Alias | undefined, name: string): boolean | undefined {
  return alias?.colnames === undefined ? undefined : pathOf(alias.colnames).includes(name);
}

function joinHas({ larg, rarg, alias }: JoinExpr, question: Question): boolean {
  const inside = () => [larg, rarg].some((side) => side !== undefined && itemHas(side, question));
  return renamed(alias, question.name) ?? inside();
}

/** A function's columns are known where the query names them. */
function functionHas({ alias, coldeflist }: RangeFunction, name: string): boolean {
  const defined = (coldeflist ?? []).some((node) => "ColumnDef" in node && node.ColumnDef.colname === name);
  return defined || pathOf(alias?.colnames).includes(name);
}

function relationHas(relation: RangeVar, question: Question): boolean {
  const { name, select, rules } = question;
  const binding = isFleetRelation(relation) ? undefined : bindingOf(relation, rules.analysis.scopeOf(select));
  if (binding === undefined) return rules.columnsOf(relation).get(name)?.everywhere ?? false;
  const { aliascolnames } = binding.cte;
  if (aliascolnames !== undefined) return pathOf(aliascolnames).includes(name);
  // What surrounds a WITH query is not looked at: its own FROM is what counts, or nothing does.
  return outputHas(binding.query, { ...question, outer: [] });
}

/** `outer` are the SELECTs around `query`. */
function outputHas(query: SelectStmt, question: Question): boolean {
  const { name, seen, rules } = question;
  // A recursive WITH query may read nothing but itself.
  if (seen.has(query)) return false;
  if (name === rules.tenantColumn && rules.analysis.classOf(query) === "copied") return true;
  // The names of a set operation are those of its first side.
  const [first = query, ...others] = sidesOf(query);
  const within = new Set([...seen, query, first]);
  const outer = others.length === 0 ? question.outer : [...question.outer, query];
  return (first.targetList ?? []).some((node) => {
    const target = "ResTarget" in node ? node.ResTarget : undefined;
    if (target?.name !== undefined) return target.name === name;
    const value = target?.val;
    if (value !== undefined && "FuncCall" in value) return pathOf(value.FuncCall.funcname).at(-1) === name;
    if (value === undefined || !("ColumnRef" in value)) return false;
    const [last, qualifier] = pathOf(value.ColumnRef.fields).toReversed();
    if (last !== "*") return last === name;
    if (qualifier !== undefined) {
      // In a SELECT's own list, its own FROM comes before what is around it.
      const own = (first.fromClause ?? []).some((item) => sourcesIn(item, qualifier).length > 0);
      return surelyColumn(qualifier, name, own ? [first] : outer, within, rules);
    }
    const inside = { ...question, select: first, outer, seen: within };
    return (first.fromClause ?? []).some((item) => itemHas(item, inside));
  });
}
