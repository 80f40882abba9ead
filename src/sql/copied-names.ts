import { AppError, type Position } from "../errors.ts";
import { loneSelector, mentionsTenant, replaceTenant, selectorsIn, tenantName } from "../template/reserved.ts";
import { isFleetRelation } from "./analyse-blocks.ts";
import {
  aliasOf,
  castNode,
  kindOf,
  type Node,
  pathOf,
  type RangeVar,
  type SelectStmt,
  stringNode,
  textConstant,
  walk,
} from "./ast.ts";
import { fromHasColumn } from "./column-scope.ts";
import { type CopiedBlock, type CopyContext, literalSlot, type RelationUse, relationSlot } from "./copied-block.ts";
import { type DriftedColumn, driftedColumns } from "./drifted-columns.ts";
import { isTenantName } from "./tenant-column.ts";

/** The names of one block on their way into the copy that all arms share, and what they tell of the block. */
export interface Copier {
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

/** For one block, of which nothing is copied yet. */
export function createCopier(context: CopyContext): Copier {
  return {
    context,
    relations: [],
    relationIndex: new Map(),
    drifted: [],
    literals: [],
    selectors: new Set(),
    hasStar: false,
    hasWholeRow: false,
  };
}

/** A relation as all arms have it: its name is a slot. Throws QUERY_FORBIDDEN for one of another database. */
export function copyRelation(relation: RangeVar, copier: Copier): RangeVar {
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

/** A column as all arms have it, the tenant's name being a slot; undefined when it stays as it is. Throws TEMPLATE_DRIFT as `driftedColumns`. */
export function copyColumn(
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
      if ("RangeVar" in node && isFleetRelation(node.RangeVar)) names.add(aliasOf(node) ?? "");
      return kindOf(node) !== "RangeSubselect";
    });
  }
  return names;
}

/** The tenant's name as a `text` constant; which stand-in it holds does not matter, an arm has one tenant. */
export function tenantValue(copier: Copier): Node {
  return castNode(literalSlotNode(tenantName(0), copier), "text");
}

/** A text that mentions the tenant, as a literal of all arms. */
export function copyLiteral(text: string, copier: Copier): Node {
  for (const selector of selectorsIn(text)) copier.selectors.add(selector);
  return literalSlotNode(text, copier);
}

function literalSlotNode(text: string, copier: Copier): Node {
  let index = copier.literals.indexOf(text);
  if (index < 0) index = copier.literals.push(text) - 1;
  return textConstant(literalSlot(index));
}

/** Columns that the block's relations must have, each once. */
export function requiredColumns({ drifted, relationIndex }: Copier): CopiedBlock["requiredColumns"] {
  const required = new Map<string, { readonly relation: number; readonly column: string }>();
  for (const { relation, column } of drifted) {
    const index = relationIndex.get(relation);
    if (index !== undefined) required.set(JSON.stringify([index, column]), { relation: index, column });
  }
  return [...required.values()];
}

/**
 * "One block, one selector": a plain `$<tenant>` beside a selector means the same tenants. Throws TEMPLATE_SELECTOR when there are two.
 */
export function onlySelector(copier: Copier, position: Position | undefined): number {
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
