import { AppError, type Position } from "../errors.ts";
import { loneSelector, mentionsTenant, replaceTenant, selectorsIn, tenantName } from "../template/reserved.ts";
import { isFleetRelation } from "./analyse-blocks.ts";
import { shapeArm } from "./arm-shapes.ts";
import {
  castNode,
  copyTree,
  firstLocation,
  integerConstant,
  isSetOperation,
  kindOf,
  type Node,
  pathOf,
  type RangeVar,
  type SelectStmt,
  selectNode,
  sidesOf,
  stringNode,
  targetNode,
  textConstant,
  walk,
} from "./ast.ts";
import { fromHasColumn } from "./column-scope.ts";
import {
  type CopiedBlock,
  type CopyContext,
  literalSlot,
  type RecordForm,
  type RelationUse,
  relationSlot,
} from "./copied-block.ts";
import type { CteBinding } from "./cte-scope.ts";
import { type DriftedColumn, driftedColumns } from "./drifted-columns.ts";
import { timeGroupAsBin, timeGroupAsEpoch, timeGroupOf } from "./expand-macros.ts";
import { groupedWithoutTenant, hasGroupingSets } from "./grouping-tenant.ts";
import { takeSortKeys } from "./sort-keys.ts";
import { appendOutput, findOwnTenant, isLoneLiteral, isTenantName } from "./tenant-column.ts";
import { timeGroupColumns } from "./time-group-columns.ts";

interface Copier {
  readonly context: CopyContext;
  readonly relations: RelationUse[];
  /** Places in `relations`, by the user's node. */
  readonly relationIndex: Map<RangeVar, number>;
  readonly drifted: DriftedColumn[];
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
  /** Whether the tenant column is added; the block's first side decides when it is absent. */
  readonly addsTenant?: boolean | undefined;
  readonly recordColumns?: ReadonlyMap<string, RecordForm> | undefined;
}

/**
 * Makes the tree of which every arm is a copy: relations and tenant names become slots, the tenant column is added, the WITH queries
 * it reads come along, an ORDER BY that only the whole answer needs is taken out as sort keys.
 */
export function copyBlock(select: SelectStmt, context: CopyContext, options: CopyOptions): CopiedBlock {
  const copier: Copier = {
    context,
    relations: [],
    relationIndex: new Map(),
    drifted: [],
    literals: [],
    selectors: new Set(),
    hasStar: false,
    hasWholeRow: false,
  };
  const position = context.positionOf(firstLocation({ SelectStmt: select }));
  const ownTenant = findOwnTenant(select, context);
  const addsTenant = options.addsTenant ?? ownTenant === null;
  const timeGroups = timeGroupColumns(select);
  const copied = copySelect(select, [], timeGroups === null ? "epoch" : "bin", copier);
  addCtes(copied, options.ctes, copier);
  if (addsTenant) for (const side of sidesOf(copied)) appendOutput(side, tenantValue(copier), context.tenantColumn);
  const { sortKeys, hiddenColumns } = takeSortKeys(copied, options);
  if (context.shapesArms) shapeArm(copied);
  return {
    select: copied,
    relations: copier.relations,
    requiredColumns: requiredColumns(copier),
    literals: copier.literals,
    selector: onlySelector(copier, position),
    narrowing: context.moved.narrowing.get(select) ?? [],
    addsTenant,
    ownTenant: addsTenant ? null : ownTenant,
    hiddenColumns,
    sortKeys,
    timeGroups: timeGroups ?? [],
    recordColumns: options.recordColumns ?? new Map(),
    hasStar: copier.hasStar,
    hasWholeRow: copier.hasWholeRow,
    hasNaturalJoin: hasNaturalJoin(copied),
    limit: context.moved.arms.has(select) ? null : limitText(copied),
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
  const isTenant = (node: Node) => isTenantName(node, chain, copier.context) || isLoneLiteral(node);
  const grouping = hasGroupingSets(select);
  const copyGrouped = (items: readonly Node[] | undefined) =>
    (items ?? []).map((item) =>
      groupedWithoutTenant(item, select.targetList ?? [], isTenant, (node) => copyTree(node, copyNode)),
    );
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
      isTenantName(node.ResTarget.val, chain, copier.context)
    ) {
      return targetNode(copyNode(node.ResTarget.val) ?? tenantValue(copier), copier.context.tenantColumn);
    }
    if ("GroupingFunc" in node && grouping)
      return { GroupingFunc: { ...node.GroupingFunc, args: copyGrouped(node.GroupingFunc.args) } };
    if ("ColumnRef" in node) return copyColumn(node, chain, copier);
    if ("A_Const" in node && mentionsTenant(node.A_Const.sval?.sval ?? ""))
      return literal(node.A_Const.sval?.sval ?? "", copier);
    const group = timeGroupOf(node);
    if (group === undefined) return undefined;
    const column = copyTree(group.column, copyNode);
    return timeGroup === "bin" ? timeGroupAsBin({ ...group, column }) : timeGroupAsEpoch({ ...group, column });
  };
  const copied = copyTree(select, copyNode);
  if (grouping) copied.groupClause = copyGrouped(select.groupClause);
  return copied;
}

function requiredColumns({ drifted, relationIndex }: Copier): CopiedBlock["requiredColumns"] {
  const required = new Map<string, { readonly relation: number; readonly column: string }>();
  for (const { relation, column } of drifted) {
    const index = relationIndex.get(relation);
    if (index !== undefined) required.set(JSON.stringify([index, column]), { relation: index, column });
  }
  return [...required.values()];
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
  if (relation.catalogname !== undefined) {
    throw new AppError("QUERY_FORBIDDEN", "a table's name cannot begin with a database", {
      hint: "write $<tenant>.table or $<tenant>_table: the tenants' tables are in the federation database",
      position: copier.context.positionOf(relation.location),
    });
  }
  for (const selector of [...selectorsIn(relation.schemaname ?? ""), ...selectorsIn(relation.relname ?? "")])
    copier.selectors.add(selector);
  const index = copier.relations.length;
  copier.relationIndex.set(relation, index);
  copier.relations.push({
    schema: relation.schemaname ?? null,
    name: relation.relname ?? "",
    position: copier.context.positionOf(relation.location),
  });
  const { schemaname: _schema, ...rest } = relation;
  // The alias is the name as the user wrote it, so that qualified references keep working and read well in messages.
  return {
    ...rest,
    // ONLY means nothing to a foreign table, and could not stand before the sub-select that pads a drifted one.
    inh: true,
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
  if (isTenantName(node, chain, copier.context)) {
    const selector = loneSelector(path[0] ?? "");
    if (selector !== null) copier.selectors.add(selector);
    return tenantValue(copier);
  }
  copier.drifted.push(...driftedColumns(node, chain, copier.context));
  const [first = ""] = path;
  if (path.length >= 3 && loneSelector(first) !== null)
    return { ColumnRef: { ...node.ColumnRef, fields: (node.ColumnRef.fields ?? []).slice(1) } };
  if (
    path.length === 1 &&
    fleetAliases(chain).has(first) &&
    !chain.some((select) => fromHasColumn(select, first, copier.context))
  )
    copier.hasWholeRow = true;
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

function hasNaturalJoin(select: SelectStmt): boolean {
  let found = false;
  walk({ SelectStmt: select }, (node) => {
    if ("JoinExpr" in node && node.JoinExpr.isNatural === true) found = true;
    return true;
  });
  return found;
}

function limitText({ limitCount, limitOffset }: SelectStmt): string | null {
  const amount = (node: Node | undefined) => {
    const rows = integerConstant(node);
    return rows === null ? "" : ` ${rows}`;
  };
  const parts = [
    limitCount === undefined || isNull(limitCount) ? "" : `LIMIT${amount(limitCount)}`,
    limitOffset === undefined ? "" : `OFFSET${amount(limitOffset)}`,
  ];
  return parts.join(" ").trim() === "" ? null : parts.join(" ").trim();
}

/** `LIMIT ALL` is a null to the parser. */
function isNull(node: Node): boolean {
  return "A_Const" in node && node.A_Const.isnull === true;
}
