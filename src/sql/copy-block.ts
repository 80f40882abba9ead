import { mentionsTenant } from "../template/reserved.ts";
import { isFleetRelation } from "./analyse-blocks.ts";
import { shapeArm } from "./arm-shapes.ts";
import {
  copyTree,
  firstLocation,
  integerConstant,
  isSetOperation,
  type Node,
  type SelectStmt,
  selectNode,
  sidesOf,
  targetNode,
  walk,
} from "./ast.ts";
import type { CopiedBlock, CopyContext, RecordForm } from "./copied-block.ts";
import {
  type Copier,
  copyColumn,
  copyLiteral,
  copyRelation,
  createCopier,
  onlySelector,
  requiredColumns,
  tenantValue,
} from "./copied-names.ts";
import type { CteBinding } from "./cte-scope.ts";
import { timeGroupAsBin, timeGroupAsEpoch, timeGroupOf } from "./expand-macros.ts";
import { groupedWithoutTenant, hasGroupingSets } from "./grouping-tenant.ts";
import { takeSortKeys } from "./sort-keys.ts";
import { appendOutput, findOwnTenant, isLoneLiteral, isTenantName } from "./tenant-column.ts";
import { timeGroupColumns } from "./time-group-columns.ts";

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
  const copier = createCopier(context);
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
      return copyLiteral(node.A_Const.sval?.sval ?? "", copier);
    const group = timeGroupOf(node);
    if (group === undefined) return undefined;
    const column = copyTree(group.column, copyNode);
    return timeGroup === "bin" ? timeGroupAsBin({ ...group, column }) : timeGroupAsEpoch({ ...group, column });
  };
  const copied = copyTree(select, copyNode);
  if (grouping) copied.groupClause = copyGrouped(select.groupClause);
  return copied;
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
