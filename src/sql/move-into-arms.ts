import { mentionsTenant } from "../template/reserved.ts";
import type { SelectorItem } from "../template/selector.ts";
import type { BlockAnalysis } from "./analyse-blocks.ts";
import {
  columnNode,
  isSetOperation,
  type Node,
  outputName,
  pathOf,
  type SelectStmt,
  selectNode,
  sidesOf,
  targetNode,
  walk,
} from "./ast.ts";
import { allOf, conjunctsOf } from "./conjuncts.ts";
import { type Reading, readersOf, readingsIn, replaceItem } from "./fleet-readings.ts";
import { groupedArm, isGrouped, isPlain } from "./grouped-block.ts";
import { asInArm, isMovable, type Source } from "./movable.ts";
import { narrowTenants } from "./narrow-tenants.ts";
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

async function moveFrom(select: SelectStmt, mover: Mover): Promise<void> {
  const { analysis, tenantColumn } = mover;
  for (const found of (select.fromClause ?? []).flatMap((item) => readingsIn(item, true, select, analysis))) {
    // All readers of a WITH query see the same rows, so its rows are gathered once, as they are.
    if (!found.own && readersOf(found.block, mover.root, analysis) > 1) continue;
    const described = await mover.describe(blockOf(found, select, mover));
    const alone = select.fromClause?.length === 1 && select.fromClause[0] === found.place;
    const columns = new Map([...(described ?? [])].filter(([name]) => name !== tenantColumn));
    const source: Source = { alias: found.alias, columns, tenantColumn, alone };
    // The tenant's name is known whatever the types of the columns are.
    const narrowing = mayGiveAnother(found.block, tenantColumn) ? [] : narrowTenants(select.whereClause, source);
    if (narrowing.length > 0) mover.notes.push("tenants that WHERE drops are not asked");
    const reading = described?.has(tenantColumn) === true ? withoutOwnTenant(found, mover) : found;
    const arm = described === null || reading === null ? null : await armFor(select, reading, source, mover);
    replaceReading(select, found, arm, narrowing, mover);
  }
}

/** True for a set operation of which a side names the tenant's column: the first decides on it, and another may give any text there. */
function mayGiveAnother(block: SelectStmt, tenantColumn: string): boolean {
  if (!isSetOperation(block)) return false;
  const names = sidesOf(block).flatMap(({ targetList = [] }) =>
    targetList.map((target) => ("ResTarget" in target ? (outputName(target.ResTarget) ?? "") : "")),
  );
  return names.some((name) => name === tenantColumn || mentionsTenant(name));
}

function replaceReading(
  select: SelectStmt,
  reading: Reading,
  arm: SelectStmt | null,
  narrowing: readonly SelectorItem[],
  mover: Mover,
): void {
  if (narrowing.length > 0) mover.narrowing.set(arm ?? reading.block, narrowing);
  if (arm === null) return;
  mover.analysis.adopt(arm, select);
  mover.arms.add(arm);
  const item: Node = { RangeSubselect: { subquery: { SelectStmt: arm }, alias: { aliasname: reading.alias } } };
  select.fromClause = select.fromClause?.map((from) => replaceItem(from, reading.place, item)) ?? [];
}

/**
 * A plain block that gives the tenant's name as a column of its own, without it: the SELECT around it gets the column that is added to
 * what takes the block's place. Null for blocks that are not so simple.
 */
function withoutOwnTenant(reading: Reading, { analysis, tenantColumn }: Mover): Reading | null {
  const { block, item, own } = reading;
  if (isGrouped(block)) return reading;
  const targets = block.targetList ?? [];
  const others = targets.filter((target) => !("ResTarget" in target) || outputName(target.ResTarget) !== tenantColumn);
  if (!own || !("RangeSubselect" in item) || others.length !== targets.length - 1 || !isPlain(block)) return null;
  // Without a LIMIT the order of its rows means nothing, and a position in it may be another column's by now.
  const { sortClause: _order, ...rest } = block;
  const bare = { ...rest, targetList: others };
  analysis.adopt(bare, block);
  return {
    ...reading,
    block: bare,
    ownTenant: true,
    item: { RangeSubselect: { ...item.RangeSubselect, subquery: { SelectStmt: bare } } },
  };
}

/** The block as it can be described: a WITH query is read through its name, so that it finds the ones before it. */
function blockOf(reading: Reading, select: SelectStmt, mover: Mover): SelectStmt {
  if (reading.own) return reading.block;
  const block = selectNode([targetNode(columnNode(reading.alias, "*"))], [reading.item]);
  mover.analysis.adopt(block, select);
  return block;
}

/** The SELECT that each tenant runs in the place of the block, when there is a better one; `select` then fits to it. */
async function armFor(select: SelectStmt, reading: Reading, source: Source, mover: Mover): Promise<SelectStmt | null> {
  if (!isPlain(reading.block)) {
    const grouped = reading.own && source.alone ? groupedArm(select, reading.block, source) : null;
    if (grouped === null) return null;
    mover.notes.push(...grouped.notes);
    setWhere(
      select,
      conjunctsOf(select.whereClause).filter((condition) => !grouped.conditions.includes(condition)),
    );
    return grouped.arm;
  }
  if (source.alone) {
    const phases = await inTwoPhases(select, reading, source, mover);
    if (phases !== null) return phases;
  }
  const top = source.alone ? topRows(select, source) : null;
  const conditions = reading.inner
    ? conjunctsOf(select.whereClause).filter((condition) => isMovable(condition, source))
    : [];
  const kept = conjunctsOf(select.whereClause).filter((condition) => !conditions.includes(condition));
  const read = readColumns([kept, { ...select, whereClause: undefined }], reading.place, source);
  // A star would have the tenant's name in another place than the block gives it.
  if (read === null && reading.ownTenant) return null;
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

/** The source's columns that parts of a SELECT may read, in their order; null when it may be all. */
function readColumns(parts: unknown, place: Node, source: Source): readonly string[] | null {
  const read = new Set<string>();
  let all = false;
  walk(parts, (node) => {
    if (node === place) return false;
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
