import type { SelectorItem } from "../template/selector.ts";
import { isAggregate, isSetReturning } from "./aggregates.ts";
import { type BlockAnalysis, bindingOf } from "./analyse-blocks.ts";
import {
  columnNode,
  isSetOperation,
  type Node,
  numberConstant,
  outputName,
  pathOf,
  rangeVarsOf,
  type SelectStmt,
  selectNode,
  targetNode,
  walk,
} from "./ast.ts";
import { timeGroupOf } from "./expand-macros.ts";
import { asInArm, isMovable, type Source } from "./movable.ts";
import { conjunctsOf, narrowTenants } from "./narrow-tenants.ts";
import { limitClauses, topRows } from "./top-rows.ts";
import { twoPhases } from "./two-phase.ts";

/** What can be moved is decided by types: a block's columns, by name, when they are the same in all tenants that can answer it. */
export type DescribeCopied = (select: SelectStmt) => Promise<ReadonlyMap<string, string> | null>;

export interface Moving {
  readonly analysis: BlockAnalysis;
  readonly tenantColumn: string;
  readonly describe: DescribeCopied;
}

export interface Moved {
  /** Which tenants a copied block needs to be asked of, beside what its own selector says. */
  readonly narrowing: ReadonlyMap<SelectStmt, readonly SelectorItem[]>;
  /** Copied blocks that nobody wrote: what they limit is not the user's to know of. */
  readonly arms: ReadonlySet<SelectStmt>;
  /** What was moved, for people. */
  readonly notes: readonly string[];
}

interface Mover extends Moving {
  readonly root: SelectStmt;
  readonly narrowing: Map<SelectStmt, readonly SelectorItem[]>;
  readonly arms: Set<SelectStmt>;
  readonly notes: string[];
}

/**
 * Moves work of SELECTs that run once into the copied blocks that they read, in place, where the answer is provably the same: tenants that
 * WHERE drops, conditions, columns that nobody reads, aggregates and DISTINCT in two phases, the first rows of an order. A thousand tenants then
 * send a thousand rows for a sum over the fleet. What cannot be moved stays, and reads gathered rows.
 */
export async function moveIntoArms(root: SelectStmt, moving: Moving): Promise<Moved> {
  const mover: Mover = { ...moving, root, narrowing: new Map(), arms: new Set(), notes: [] };
  const selects: SelectStmt[] = [];
  walk({ SelectStmt: root }, (node) => {
    if (!("SelectStmt" in node)) return true;
    const kind = mover.analysis.classOf(node.SelectStmt);
    if (kind === "once" && !isSetOperation(node.SelectStmt)) selects.push(node.SelectStmt);
    return kind !== "copied";
  });
  for (const select of selects) await moveFrom(select, mover);
  mover.analysis.noteReaders();
  return mover;
}

/** A copied block in a FROM. */
interface Reading {
  readonly item: Node;
  readonly alias: string;
  readonly block: SelectStmt;
  /** True for a block that a sub-select writes here; false for a WITH query, which others may read as well. */
  readonly own: boolean;
  /** False where an outer join may put nulls in the place of the block's rows. */
  readonly inner: boolean;
}

async function moveFrom(select: SelectStmt, mover: Mover): Promise<void> {
  const readings = (select.fromClause ?? []).flatMap((item) => readingsIn(item, true, select, mover));
  for (const reading of readings) {
    // All readers of a WITH query see the same rows, so its rows are gathered once, as they are.
    if (!reading.own && readersOf(reading.block, mover) > 1) continue;
    const alone = select.fromClause?.length === 1 && select.fromClause[0] === reading.item;
    const columns = await mover.describe(blockOf(reading, select, mover));
    if (columns === null || columns.has(mover.tenantColumn)) continue;
    const source: Source = { alias: reading.alias, columns, tenantColumn: mover.tenantColumn, alone };
    const narrowing = narrowTenants(select.whereClause, source);
    if (narrowing.length > 0) mover.notes.push("tenants that WHERE drops are not asked");
    const arm =
      (await armFor(select, reading, source, mover)) ?? (narrowing.length > 0 && !reading.own ? passOn(reading) : null);
    if (arm === null) {
      if (narrowing.length > 0) mover.narrowing.set(reading.block, narrowing);
      continue;
    }
    mover.analysis.adopt(arm, select);
    mover.arms.add(arm);
    if (narrowing.length > 0) mover.narrowing.set(arm, narrowing);
    const item: Node = { RangeSubselect: { subquery: { SelectStmt: arm }, alias: { aliasname: reading.alias } } };
    select.fromClause = select.fromClause?.map((from) => replaceItem(from, reading.item, item)) ?? [];
  }
}

function readingsIn(item: Node | undefined, inner: boolean, select: SelectStmt, mover: Mover): Reading[] {
  if (item === undefined) return [];
  if ("JoinExpr" in item) {
    const { jointype, larg, rarg, alias } = item.JoinExpr;
    // An alias hides the names of what is joined.
    if (alias !== undefined) return [];
    const keepsAll = inner && jointype === "JOIN_INNER";
    return [...readingsIn(larg, keepsAll, select, mover), ...readingsIn(rarg, keepsAll, select, mover)];
  }
  if ("RangeSubselect" in item) {
    const { subquery, alias, lateral } = item.RangeSubselect;
    if (subquery === undefined || !("SelectStmt" in subquery) || alias?.aliasname === undefined) return [];
    if (alias.colnames !== undefined || lateral === true || mover.analysis.classOf(subquery.SelectStmt) !== "copied")
      return [];
    return [{ item, alias: alias.aliasname, block: subquery.SelectStmt, own: true, inner }];
  }
  if (!("RangeVar" in item)) return [];
  const { relname = "", alias } = item.RangeVar;
  const binding = bindingOf(item.RangeVar, mover.analysis.scopeOf(select));
  if (binding === undefined || binding.class !== "copied" || binding.selfReferencing || alias?.colnames !== undefined)
    return [];
  if (binding.cte.aliascolnames !== undefined || binding.cte.ctematerialized === "CTEMaterializeAlways") return [];
  return [{ item, alias: alias?.aliasname ?? relname, block: binding.query, own: false, inner }];
}

/** How often SELECTs that run once read a WITH query. */
function readersOf(query: SelectStmt, { analysis, root }: Mover): number {
  let count = 0;
  walk({ SelectStmt: root }, (node) => {
    if (!("SelectStmt" in node)) return true;
    const { SelectStmt: select } = node;
    if (analysis.classOf(select) === "copied") return false;
    for (const relation of rangeVarsOf(select))
      if (bindingOf(relation, analysis.scopeOf(select))?.query === query) count += 1;
    return true;
  });
  return count;
}

/** The block as it can be described: a WITH query is read through its name, so that it finds the ones before it. */
function blockOf(reading: Reading, select: SelectStmt, mover: Mover): SelectStmt {
  if (reading.own) return reading.block;
  const block = passOn(reading);
  mover.analysis.adopt(block, select);
  return block;
}

function passOn({ item, alias }: Reading): SelectStmt {
  return selectNode([targetNode(columnNode(alias, "*"))], [item]);
}

function replaceItem(node: Node, from: Node, to: Node): Node {
  if (node === from) return to;
  if (!("JoinExpr" in node)) return node;
  const { larg, rarg } = node.JoinExpr;
  return {
    JoinExpr: {
      ...node.JoinExpr,
      ...(larg === undefined ? {} : { larg: replaceItem(larg, from, to) }),
      ...(rarg === undefined ? {} : { rarg: replaceItem(rarg, from, to) }),
    },
  };
}

/** The SELECT that each tenant runs in the place of the block, when there is a better one; `select` then fits to it. */
async function armFor(select: SelectStmt, reading: Reading, source: Source, mover: Mover): Promise<SelectStmt | null> {
  if (!isPlain(reading.block))
    return reading.own && source.alone ? topGroups(select, reading.block, source, mover) : null;
  if (source.alone) {
    const phases = await inTwoPhases(select, reading, source, mover);
    if (phases !== null) return phases;
  }
  const top = source.alone ? topRows(select, source) : null;
  const conditions = reading.inner
    ? conjunctsOf(select.whereClause).filter((condition) => isMovable(condition, source))
    : [];
  const kept = conjunctsOf(select.whereClause).filter((condition) => !conditions.includes(condition));
  const read = readColumns([kept, { ...select, whereClause: undefined }], reading.item, source);
  if (top === null && conditions.length === 0 && (read === null || read.length === source.columns.size)) return null;
  if (conditions.length > 0) mover.notes.push(`conditions on ${source.alias}`);
  if (top !== null) mover.notes.push(`the first ${top.limit} rows of ${source.alias}`);
  const targets = read?.map((name) => targetNode(columnNode(source.alias, name), name)) ?? [
    targetNode(columnNode(source.alias, "*")),
  ];
  const arm = selectNode(targets, [reading.item]);
  setWhere(
    arm,
    conditions.map((condition) => asInArm(condition, source)),
  );
  setWhere(select, kept);
  return top === null ? arm : { ...arm, ...limitClauses(top) };
}

function setWhere(select: SelectStmt, conditions: readonly Node[]): void {
  const condition = allOf(conditions);
  if (condition === undefined) delete select.whereClause;
  else select.whereClause = condition;
}

function allOf(conditions: readonly Node[]): Node | undefined {
  const [first, ...others] = conditions;
  return first === undefined || others.length === 0
    ? first
    : { BoolExpr: { boolop: "AND_EXPR", args: [first, ...others] } };
}

async function inTwoPhases(
  select: SelectStmt,
  reading: Reading,
  source: Source,
  mover: Mover,
): Promise<SelectStmt | null> {
  const phases = twoPhases(select, reading.item, source);
  if (phases === null) return null;
  mover.analysis.adopt(phases.arm, select);
  const types = await mover.describe(phases.arm);
  const finished = types === null ? null : phases.finish(types);
  if (finished === null) return null;
  Object.assign(select, finished);
  delete select.whereClause;
  mover.notes.push(`aggregates over ${source.alias}, in two phases`);
  return phases.arm;
}

/** A grouped block cannot be wrapped without losing asynchronous scans, but it takes an ORDER BY and a LIMIT of its own. */
function topGroups(select: SelectStmt, block: SelectStmt, source: Source, mover: Mover): SelectStmt | null {
  if (!isGrouped(block) || block.withClause !== undefined || select.whereClause !== undefined) return null;
  const top = topRows(select, source);
  if (top === null) return null;
  const names = (block.targetList ?? []).map((target) => ("ResTarget" in target ? outputName(target.ResTarget) : null));
  if (names.includes("*")) return null;
  const sortClause: Node[] = [];
  for (const sort of top.sortClause) {
    const path =
      "SortBy" in sort && sort.SortBy.node !== undefined && "ColumnRef" in sort.SortBy.node
        ? pathOf(sort.SortBy.node.ColumnRef.fields)
        : [];
    const index = names.indexOf(path.at(-1) ?? null);
    if (!("SortBy" in sort) || index < 0) return null;
    sortClause.push({ SortBy: { ...sort.SortBy, node: numberConstant(index + 1) } });
  }
  mover.notes.push(`the first ${top.limit} groups of ${source.alias}`);
  return { ...block, ...limitClauses({ ...top, sortClause }) };
}

/** A block whose rows are its tables' rows: what is put around it is as good as written in it. */
function isPlain(block: SelectStmt): boolean {
  return (
    !isSetOperation(block) &&
    block.groupClause === undefined &&
    block.havingClause === undefined &&
    isSimple(block, false)
  );
}

/** A block of groups, to which nothing has been done since. */
function isGrouped(block: SelectStmt): boolean {
  return (
    !isSetOperation(block) && block.groupClause !== undefined && block.sortClause === undefined && isSimple(block, true)
  );
}

function isSimple(block: SelectStmt, mayAggregate: boolean): boolean {
  const { valuesLists, distinctClause, limitCount, limitOffset, windowClause, targetList = [] } = block;
  if (valuesLists !== undefined || distinctClause !== undefined || limitCount !== undefined) return false;
  if (limitOffset !== undefined || windowClause !== undefined) return false;
  let simple = true;
  walk(targetList, (node) => {
    // What a time group becomes is decided for the block that it stands in.
    if (timeGroupOf(node) !== undefined) simple = false;
    if ("FuncCall" in node) {
      const call = node.FuncCall;
      if (call.over !== undefined || isSetReturning(call) || (isAggregate(call) && !mayAggregate)) simple = false;
    }
    return !("SelectStmt" in node);
  });
  return simple;
}

/** The source's columns that parts of a SELECT may read, in their order; null when it may be all. */
function readColumns(parts: unknown, item: Node, source: Source): readonly string[] | null {
  const read = new Set<string>();
  let all = false;
  walk(parts, (node) => {
    if (node === item) return false;
    if ("JoinExpr" in node) {
      if (node.JoinExpr.isNatural === true) all = true;
      for (const name of pathOf(node.JoinExpr.usingClause)) read.add(name);
    }
    if (!("ColumnRef" in node)) return true;
    const path = pathOf(node.ColumnRef.fields);
    const [first = "", second] = path;
    if (first === "*" || (first === source.alias && (second === undefined || second === "*"))) all = true;
    read.add(second ?? first);
    return true;
  });
  return all ? null : [...source.columns.keys()].filter((name) => read.has(name));
}
