import { AppError, type Position } from "../errors.ts";
import {
  loneSelector,
  mentionsTenant,
  RESERVED_PREFIX,
  replaceTenant,
  selectorsIn,
  tenantName,
} from "../template/reserved.ts";
import type { Selector } from "../template/selector.ts";
import { type CteBinding, isFleetRelation } from "./analyse-blocks.ts";
import {
  castNode,
  copyTree,
  isSetOperation,
  kindOf,
  locationOf,
  type Node,
  outputName,
  pathOf,
  type RangeVar,
  type ResTarget,
  type SelectStmt,
  selectNode,
  sidesOf,
  stringNode,
  targetNode,
  textConstant,
  walk,
} from "./ast.ts";
import { type ColumnLookup, fromHasColumn } from "./column-scope.ts";
import { timeGroupAsBin, timeGroupAsEpoch, timeGroupOf } from "./expand-macros.ts";
import { type SortKey, takeSortKeys } from "./sort-keys.ts";

/** A relation that a copied block reads, with stand-ins where the tenant's name belongs. */
export interface RelationUse {
  readonly schema: string | null;
  readonly name: string;
  readonly position: Position | undefined;
}

/** Output columns of a copied block that hold `date_bin` timestamps where the user asked for epoch seconds. */
export interface TimeGroupColumn {
  /** Counted from the first column, or from the last of the user's columns when a star stands before it. */
  readonly index: number;
  readonly fromEnd: boolean;
  readonly stepSeconds: number;
}

/**
 * A copied block as one tree for all tenants: relation `i` is called `relationSlot(i)` and literal `i` `literalSlot(i)`.
 * Its columns are the user's, then the tenant's name if `addsTenant`, then `hiddenColumns` for sorting.
 */
export interface CopiedBlock {
  readonly select: SelectStmt;
  readonly relations: readonly RelationUse[];
  /** Texts with stand-ins, to be quoted as literals. */
  readonly literals: readonly string[];
  readonly selector: number;
  readonly addsTenant: boolean;
  readonly hiddenColumns: number;
  readonly sortKeys: readonly SortKey[];
  readonly timeGroups: readonly TimeGroupColumn[];
  readonly hasStar: boolean;
  /** True when the block refers to a whole row of a `$<tenant>` relation. */
  readonly hasWholeRow: boolean;
  /** Its LIMIT or OFFSET for people, such as `LIMIT 10`; null without one. */
  readonly limit: string | null;
  readonly position: Position | undefined;
}

export interface CopyContext extends ColumnLookup {
  readonly tenantColumn: string;
  readonly selectors: readonly Selector[];
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

export const SLOT = new RegExp(
  `(?<relation>${RESERVED_PREFIX}r_(?<relationIndex>\\d+)__)|(?<literal>'${RESERVED_PREFIX}l_(?<literalIndex>\\d+)__')`,
  "g",
);

export function relationSlot(index: number): string {
  return `${RESERVED_PREFIX}r_${index}__`;
}

export function literalSlot(index: number): string {
  return `${RESERVED_PREFIX}l_${index}__`;
}

interface Copier {
  readonly context: CopyContext;
  readonly relations: RelationUse[];
  readonly literals: string[];
  readonly selectors: Set<number>;
  hasStar: boolean;
  hasWholeRow: boolean;
}

export interface CopyOptions {
  /** True when the block is the whole template, so that its ORDER BY orders the whole answer. */
  readonly topLevel: boolean;
  /** WITH queries from around the block that it reads. */
  readonly ctes: readonly CteBinding[];
}

/**
 * Makes the tree of which every arm is a copy: relations and tenant names become slots, the tenant column is added, the WITH queries
 * it reads come along, an ORDER BY that only the whole answer needs is taken out as sort keys.
 */
export function copyBlock(select: SelectStmt, context: CopyContext, options: CopyOptions): CopiedBlock {
  const copier: Copier = {
    context,
    relations: [],
    literals: [],
    selectors: new Set(),
    hasStar: false,
    hasWholeRow: false,
  };
  const position = context.positionOf(firstPlace(select));
  const addsTenant = !givesTenant(select, context);
  const timeGroups = timeGroupColumns(select);
  const copied = copySelect(select, [], timeGroups === null ? "epoch" : "bin", copier);
  addCtes(copied, options.ctes, copier);
  if (addsTenant) for (const side of sidesOf(copied)) appendOutput(side, tenantValue(copier), context.tenantColumn);
  const { sortKeys, hiddenColumns } = takeSortKeys(copied, options);
  refuseStrayMentions(copied, context);
  return {
    select: copied,
    relations: copier.relations,
    literals: copier.literals,
    selector: onlySelector(copier, position),
    addsTenant,
    hiddenColumns,
    sortKeys,
    timeGroups: timeGroups ?? [],
    hasStar: copier.hasStar,
    hasWholeRow: copier.hasWholeRow,
    limit: limitText(copied),
    position,
  };
}

/** A recursive WITH query as a block: `WITH RECURSIVE x AS (…) SELECT * FROM x`, with the tenant added outside. */
export function selectFromCte(name: string): SelectStmt {
  return selectNode(
    [targetNode({ ColumnRef: { fields: [{ A_Star: {} }] } })],
    [{ RangeVar: { relname: name, inh: true, relpersistence: "p" } }],
  );
}

function copySelect(
  select: SelectStmt,
  enclosing: readonly SelectStmt[],
  timeGroup: "bin" | "epoch",
  copier: Copier,
): SelectStmt {
  const chain = [...enclosing, select];
  const copyNode = (node: Node): Node | undefined => {
    if ("SelectStmt" in node) {
      // The sides of a set operation are the block itself; anything else is inside it.
      const isSide = isSetOperation(select) && (node.SelectStmt === select.larg || node.SelectStmt === select.rarg);
      return { SelectStmt: copySelect(node.SelectStmt, chain, isSide ? timeGroup : "epoch", copier) };
    }
    if ("RangeVar" in node && isFleetRelation(node.RangeVar)) return { RangeVar: copyRelation(node.RangeVar, copier) };
    if (
      "ResTarget" in node &&
      node.ResTarget.val !== undefined &&
      node.ResTarget.name === undefined &&
      isTenantName(node.ResTarget.val, chain, copier)
    ) {
      return targetNode(copyNode(node.ResTarget.val) ?? tenantValue(copier), copier.context.tenantColumn);
    }
    if ("ColumnRef" in node) return copyColumn(node, chain, copier);
    if ("A_Const" in node && mentionsTenant(node.A_Const.sval?.sval ?? ""))
      return literal(node.A_Const.sval?.sval ?? "", copier);
    const group = timeGroupOf(node);
    if (group === undefined) return undefined;
    const column = copyTree(group.column, copyNode);
    return timeGroup === "bin" ? timeGroupAsBin({ ...group, column }) : timeGroupAsEpoch({ ...group, column });
  };
  return copyTree(select, copyNode);
}

function addCtes(copied: SelectStmt, ctes: readonly CteBinding[], copier: Copier): void {
  if (ctes.length === 0) return;
  const copies = ctes.map(
    ({ cte, query }): Node => ({
      CommonTableExpr: { ...cte, ctequery: { SelectStmt: copySelect(query, [], "epoch", copier) } },
    }),
  );
  const recursive = copied.withClause?.recursive === true || ctes.some(({ withRecursive }) => withRecursive);
  copied.withClause = { ctes: [...copies, ...(copied.withClause?.ctes ?? [])], ...(recursive ? { recursive } : {}) };
}

function copyRelation(relation: RangeVar, copier: Copier): RangeVar {
  if (mentionsTenant([relation.alias?.aliasname, ...pathOf(relation.alias?.colnames)].join("."))) {
    throw new AppError("TEMPLATE_PLACEHOLDER", "$<tenant> cannot be part of an alias", {
      hint: "choose an alias that is the same for all tenants",
      position: copier.context.positionOf(relation.location),
    });
  }
  for (const selector of [...selectorsIn(relation.schemaname ?? ""), ...selectorsIn(relation.relname ?? "")])
    copier.selectors.add(selector);
  const index = copier.relations.length;
  copier.relations.push({
    schema: relation.schemaname ?? null,
    name: relation.relname ?? "",
    position: copier.context.positionOf(relation.location),
  });
  const { schemaname: _schema, ...rest } = relation;
  // The alias is the name as the user wrote it, so that qualified references keep working and read well in messages.
  return {
    ...rest,
    relname: relationSlot(index),
    alias: relation.alias ?? { aliasname: asWritten(relation.relname ?? "") },
  };
}

function copyColumn(
  node: Extract<Node, { ColumnRef: unknown }>,
  chain: readonly SelectStmt[],
  copier: Copier,
): Node | undefined {
  const path = pathOf(node.ColumnRef.fields);
  if (path.includes("*")) copier.hasStar = true;
  if (isTenantName(node, chain, copier)) {
    const selector = loneSelector(path[0] ?? "");
    if (selector !== null) copier.selectors.add(selector);
    return tenantValue(copier);
  }
  const [first = ""] = path;
  if (path.length >= 3 && loneSelector(first) !== null)
    return { ColumnRef: { ...node.ColumnRef, fields: (node.ColumnRef.fields ?? []).slice(1) } };
  if (path.length === 1 && fleetAliases(chain).has(first)) copier.hasWholeRow = true;
  if (!mentionsTenant(first)) return undefined;
  return {
    ColumnRef: { ...node.ColumnRef, fields: [stringNode(asWritten(first)), ...(node.ColumnRef.fields ?? []).slice(1)] },
  };
}

/** A table's name with `$<tenant>` as the user wrote it. */
function asWritten(name: string): string {
  return replaceTenant(name, () => "$<tenant>");
}

/** Names by which a chain of blocks knows its `$<tenant>` relations. */
function fleetAliases(chain: readonly SelectStmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const select of chain) {
    walk(select.fromClause, (node) => {
      if ("RangeVar" in node && isFleetRelation(node.RangeVar))
        names.add(node.RangeVar.alias?.aliasname ?? node.RangeVar.relname ?? "");
      return kindOf(node) !== "RangeSubselect";
    });
  }
  return names;
}

/** True for `$<tenant>` alone, and for a bare `tenant` that nothing in scope has as a column. */
function isTenantName(node: Node, chain: readonly SelectStmt[], { context }: Copier): boolean {
  if (!("ColumnRef" in node)) return false;
  const path = pathOf(node.ColumnRef.fields);
  if (path.length !== 1) return false;
  if (loneSelector(path[0] ?? "") !== null) return true;
  return (
    path[0] === context.tenantColumn && !chain.some((select) => fromHasColumn(select, context.tenantColumn, context))
  );
}

/** The tenant's name as a `text` constant; which stand-in it holds does not matter, an arm has one tenant. */
function tenantValue(copier: Copier): Node {
  return castNode(literalSlotNode(tenantName(0), copier), "text");
}

function literal(text: string, copier: Copier): Node {
  for (const selector of selectorsIn(text)) copier.selectors.add(selector);
  return literalSlotNode(text, copier);
}

function literalSlotNode(text: string, copier: Copier): Node {
  let index = copier.literals.indexOf(text);
  if (index < 0) index = copier.literals.push(text) - 1;
  return textConstant(literalSlot(index));
}

function appendOutput(side: SelectStmt, value: Node, name: string): void {
  if (side.valuesLists === undefined) side.targetList = [...(side.targetList ?? []), targetNode(value, name)];
  else for (const row of side.valuesLists) if ("List" in row) row.List.items = [...(row.List.items ?? []), value];
}

/**
 * True when the block's first side gives exactly the tenant's name under the tenant column's name. Any other output column of that
 * name is refused (TEMPLATE_TENANT_COLUMN); one that comes from a star is renamed later.
 */
function givesTenant(select: SelectStmt, context: CopyContext): boolean {
  const copier: Copier = {
    context,
    relations: [],
    literals: [],
    selectors: new Set(),
    hasStar: false,
    hasWholeRow: false,
  };
  const [first] = sidesOf(select);
  for (const node of first?.targetList ?? []) {
    if (!("ResTarget" in node) || node.ResTarget.val === undefined || first === undefined) continue;
    const value = node.ResTarget.val;
    const isName = isTenantName(value, [first], copier);
    if (isName && (node.ResTarget.name ?? context.tenantColumn) === context.tenantColumn) return true;
    if (outputName(node.ResTarget) !== context.tenantColumn) continue;
    if (isLoneLiteral(value)) return true;
    throw tenantColumnTaken(node.ResTarget, context);
  }
  return false;
}

function isLoneLiteral(node: Node): boolean {
  if ("TypeCast" in node && node.TypeCast.arg !== undefined) return isLoneLiteral(node.TypeCast.arg);
  return "A_Const" in node && loneSelector(node.A_Const.sval?.sval ?? "") !== null;
}

function tenantColumnTaken(target: ResTarget, context: CopyContext): AppError {
  return new AppError(
    "TEMPLATE_TENANT_COLUMN",
    `the output column "${context.tenantColumn}" is the tenant's name, and cannot be something else`,
    {
      hint: `give this column another name, as in … AS ${context.tenantColumn}_1; the tenant's own is added by itself`,
      position: context.positionOf(target.location),
    },
  );
}

/**
 * The `$__timeGroup` columns of the block when every one of its uses is a whole output, GROUP BY, ORDER BY or DISTINCT ON item: then all
 * of them can be `date_bin`, which the tenants compute. Null when any is part of an expression.
 */
function timeGroupColumns(select: SelectStmt): readonly TimeGroupColumn[] | null {
  const columns: TimeGroupColumn[] = [];
  for (const side of sidesOf(select)) {
    const targets = (side.targetList ?? []).map((node) => ("ResTarget" in node ? node.ResTarget.val : undefined));
    const whole: (Node | undefined)[] = [...targets, ...(side.groupClause ?? []), ...(side.distinctClause ?? [])];
    for (const sort of select.sortClause ?? []) if ("SortBy" in sort) whole.push(sort.SortBy.node);
    const wholeUses = whole.filter((node) => node !== undefined && timeGroupOf(node) !== undefined).length;
    if (countTimeGroups(side, select) !== wholeUses) return null;
    if (side !== sidesOf(select)[0]) continue;
    for (const [index, value] of targets.entries()) {
      const group = value === undefined ? undefined : timeGroupOf(value);
      if (group === undefined) continue;
      const starBefore = targets.slice(0, index).some(isStar);
      const starAfter = targets.slice(index + 1).some(isStar);
      if (starBefore && starAfter) return null;
      columns.push({
        index: starBefore ? targets.length - 1 - index : index,
        fromEnd: starBefore,
        stepSeconds: group.stepSeconds,
      });
    }
  }
  // The sides of a set operation must agree, or their types would not meet.
  if (isSetOperation(select) && columns.length > 0) return null;
  return columns;
}

function isStar(node: Node | undefined): boolean {
  return node !== undefined && "ColumnRef" in node && pathOf(node.ColumnRef.fields).includes("*");
}

function countTimeGroups(side: SelectStmt, top: SelectStmt): number {
  let count = 0;
  const visit = (node: Node): boolean => {
    // Uses in sub-selects are theirs, and are written as Grafana writes them.
    if ("SelectStmt" in node) return false;
    if (timeGroupOf(node) !== undefined) count += 1;
    return true;
  };
  walk(Object.values(side), visit);
  if (side !== top) walk(top.sortClause, visit);
  return count;
}

/** "One block, one selector": a plain `$<tenant>` beside a selector means the same tenants. */
function onlySelector(copier: Copier, position: Position | undefined): number {
  const { selectors } = copier.context;
  const narrowing = [...copier.selectors].filter((index) => (selectors[index]?.items.length ?? 0) > 0);
  if (narrowing.length > 1) {
    throw new AppError("TEMPLATE_SELECTOR", "one SELECT has two different selectors", {
      position,
      hint: "write the selector once, and $<tenant> in the other places",
    });
  }
  return narrowing[0] ?? [...copier.selectors][0] ?? 0;
}

/** After the copying a stand-in may only be part of a table's alias and of references to it. */
function refuseStrayMentions(select: SelectStmt, context: CopyContext): void {
  const refuse = (text: string | undefined, what: string, at: number | undefined) => {
    if (text === undefined || !mentionsTenant(text)) return;
    throw new AppError("TEMPLATE_PLACEHOLDER", `$<tenant> cannot be part of ${what}`, {
      hint: "it may be part of a table's name, stand in a '…' literal, or stand alone as a value",
      position: context.positionOf(at),
    });
  };
  const near: { at: number | undefined } = { at: undefined };
  walk({ SelectStmt: select }, (node) => {
    near.at = locationOf(node) ?? near.at;
    if ("ResTarget" in node) refuse(node.ResTarget.name, "an output column's name", near.at);
    if ("ColumnRef" in node) refuse(pathOf(node.ColumnRef.fields).slice(1).join("."), "a column's name", near.at);
    if ("FuncCall" in node) refuse(pathOf(node.FuncCall.funcname).join("."), "a function's name", near.at);
    if ("TypeName" in node) refuse(pathOf(node.TypeName.names).join("."), "a type's name", near.at);
    if ("CommonTableExpr" in node) refuse(node.CommonTableExpr.ctename, "a WITH query's name", near.at);
    if ("JoinExpr" in node) refuse(pathOf(node.JoinExpr.usingClause).join("."), "a column's name", near.at);
    if ("RangeSubselect" in node) refuse(node.RangeSubselect.alias?.aliasname, "an alias", near.at);
    if ("WindowDef" in node) refuse(node.WindowDef.name, "a window's name", near.at);
  });
}

function limitText({ limitCount, limitOffset }: SelectStmt): string | null {
  const amount = (node: Node | undefined) =>
    node !== undefined && "A_Const" in node && node.A_Const.ival !== undefined ? ` ${node.A_Const.ival.ival ?? 0}` : "";
  const parts = [
    limitCount === undefined ? "" : `LIMIT${amount(limitCount)}`,
    limitOffset === undefined ? "" : `OFFSET${amount(limitOffset)}`,
  ];
  return parts.join(" ").trim() === "" ? null : parts.join(" ").trim();
}

function firstPlace(select: SelectStmt): number | undefined {
  let first: number | undefined;
  walk({ SelectStmt: select }, (node) => {
    const at = locationOf(node);
    if (at !== undefined && (first === undefined || at < first)) first = at;
  });
  return first;
}
