import { AppError } from "../errors.ts";
import { RESERVED_PREFIX } from "../template/reserved.ts";
import type { BlockAnalysis } from "./analyse-blocks.ts";
import {
  castNode,
  columnNode,
  copyTree,
  isSetOperation,
  type Node,
  rangeVarNode,
  rangeVarsOf,
  type SelectStmt,
  type SetOperation,
  selectNode,
  targetNode,
} from "./ast.ts";
import type { CopiedBlock, CopyContext, RecordForm } from "./copied-block.ts";
import { copyBlock, selectFromCte } from "./copy-block.ts";
import type { CteBinding } from "./cte-scope.ts";
import { equal } from "./deparse.ts";
import { timeGroupAsEpoch, timeGroupOf } from "./expand-macros.ts";
import { neededBy, neededCtes } from "./needed-ctes.ts";
import { refuseTenantColumn } from "./tenant-column.ts";

/** The name under which the outer statement reads the rows of copied block `index`. */
export function partSlot(index: number): string {
  return `${RESERVED_PREFIX}p_${index}__`;
}

export const PART_SLOT = new RegExp(`${RESERVED_PREFIX}p_(\\d+)__`, "g");

interface OuterBuilder {
  readonly analysis: BlockAnalysis;
  readonly context: CopyContext;
  readonly blocks: CopiedBlock[];
  /** In a UNION, what its first copied side decided for all of them: whether the tenant column is added. Null until it has. */
  union: { addsTenant: boolean | null } | null;
}

/**
 * Splits a template into its copied blocks and the statement that reads their rows; `outer` is null when the whole template is one
 * copied block. A template without any copied block is refused (TEMPLATE_SCOPE): Tenantry is no general SQL proxy.
 */
export function buildOuter(
  root: SelectStmt,
  analysis: BlockAnalysis,
  context: CopyContext,
): { blocks: readonly CopiedBlock[]; outer: SelectStmt | null } {
  const builder: OuterBuilder = { analysis, context, blocks: [], union: null };
  if (analysis.classOf(root) === "copied")
    return { blocks: [copyBlock(root, context, { topLevel: true, ctes: neededCtes(root, builder) })], outer: null };
  const outer = outerSelect(root, builder);
  if (builder.blocks.length === 0) {
    throw new AppError("TEMPLATE_SCOPE", "the query reads no $<tenant> table", {
      hint: "write $<tenant> where a tenant's name belongs, as in FROM $<tenant>_entities",
    });
  }
  return { blocks: builder.blocks, outer };
}

function outerSelect(select: SelectStmt, builder: OuterBuilder): SelectStmt {
  if (builder.analysis.classOf(select) === "copied") return partSelect(select, neededCtes(select, builder), builder);
  const enclosing = builder.union;
  // The sides of one union share its decision; what stands inside a side has its own.
  builder.union = isSetOperation(select) ? (enclosing ?? { addsTenant: null }) : null;
  const rewritten = copyTree(select, (node) => outerNode(node, builder));
  builder.union = enclosing;
  if (isSetOperation(select) && isSetOperation(rewritten)) addNullTenant(select, rewritten, builder);
  keepGatheredCtes(select, rewritten, builder);
  return rewritten;
}

function outerNode(node: Node, builder: OuterBuilder): Node | undefined {
  if ("SelectStmt" in node) return { SelectStmt: outerSelect(node.SelectStmt, builder) };
  const group = timeGroupOf(node);
  // Here the rows are at hand, so nothing needs to ship: Grafana's own text.
  if (group !== undefined)
    return timeGroupAsEpoch({ ...group, column: copyTree(group.column, (inner) => outerNode(inner, builder)) });
  if (!("CommonTableExpr" in node)) return undefined;
  const binding = builder.analysis.bindings.find(({ cte }) => cte === node.CommonTableExpr);
  if (binding === undefined || binding.class !== "copied") return undefined;
  if (!binding.readOnce)
    return { CommonTableExpr: { ...node.CommonTableExpr, ctequery: { SelectStmt: selectNode([], []) } } };
  // What SEARCH and CYCLE add are columns of the gathered rows by now.
  const { search_clause: _search, cycle_clause: _cycle, ...plain } = node.CommonTableExpr;
  return { CommonTableExpr: { ...plain, ctequery: { SelectStmt: gatheredCte(binding, { ...builder, union: null }) } } };
}

/** The rows of a WITH query over all tenants. */
function gatheredCte(binding: CteBinding, builder: OuterBuilder): SelectStmt {
  if (!binding.selfReferencing) return outerSelect(binding.query, builder);
  const name = binding.cte.ctename ?? "";
  return partSelect(
    selectFromCte(name),
    [...neededBy(binding.query, builder).filter((other) => other !== binding), binding],
    builder,
    recordColumns(binding),
  );
}

/** What SEARCH and CYCLE add are rows without a type, which can be ordered by but not read back. */
function recordColumns({ cte }: CteBinding): ReadonlyMap<string, RecordForm> {
  const { search_clause: search, cycle_clause: cycle } = cte;
  const forms = new Map<string, RecordForm>();
  if (search?.search_seq_column !== undefined) forms.set(search.search_seq_column, "place");
  if (cycle?.cycle_path_column !== undefined) forms.set(cycle.cycle_path_column, "text");
  return forms;
}

/** WITH queries that only copied blocks read are in those blocks; the outer statement drops them. */
function keepGatheredCtes(select: SelectStmt, rewritten: SelectStmt, { analysis }: OuterBuilder): void {
  if (rewritten.withClause === undefined) return;
  const isDropped = (node: Node | undefined) => {
    const binding =
      node !== undefined && "CommonTableExpr" in node
        ? analysis.bindings.find(({ cte }) => cte === node.CommonTableExpr)
        : undefined;
    return binding?.class === "copied" && !binding.readOnce;
  };
  // By place, not by name: the rewritten queries stand where the user's stood.
  const ctes = (rewritten.withClause.ctes ?? []).filter((_, index) => !isDropped(select.withClause?.ctes?.[index]));
  if (ctes.length === 0) delete rewritten.withClause;
  else rewritten.withClause = { ...rewritten.withClause, ctes };
}

/** Reads the rows of a copied block; equal blocks are gathered once, so that their readers see the same rows. */
function partSelect(
  select: SelectStmt,
  ctes: readonly CteBinding[],
  builder: OuterBuilder,
  recordColumns?: ReadonlyMap<string, RecordForm>,
): SelectStmt {
  const addsTenant = builder.union?.addsTenant ?? undefined;
  const block = copyBlock(select, builder.context, { topLevel: false, ctes, addsTenant, recordColumns });
  if (builder.union !== null) builder.union.addsTenant = block.addsTenant;
  const same = builder.blocks.findIndex((other) => isSameBlock(other, block));
  const index = same >= 0 ? same : builder.blocks.push(block) - 1;
  return selectNode([targetNode(columnNode("*"))], [rangeVarNode(partSlot(index))]);
}

function isSameBlock(left: CopiedBlock, right: CopiedBlock): boolean {
  const relations = ({ relations }: CopiedBlock) => relations.map(({ schema, name }) => [schema, name]);
  return (
    left.selector === right.selector &&
    left.narrowing.length + right.narrowing.length === 0 &&
    left.addsTenant === right.addsTenant &&
    equal(left.select, right.select) &&
    equal(left.literals, right.literals) &&
    equal(relations(left), relations(right)) &&
    equal(left.timeGroups, right.timeGroups)
  );
}

/** Under UNION a side that is not copied has a null tenant, so that the sides have the same columns. */
function addNullTenant(select: SetOperation, rewritten: SetOperation, builder: OuterBuilder): void {
  const sides = [
    ...copiedAndOther(select.larg, rewritten.larg, builder),
    ...copiedAndOther(select.rarg, rewritten.rarg, builder),
  ];
  if (!sides.some(({ copied }) => copied)) return;
  if (select.op !== "SETOP_UNION") {
    throw new AppError(
      "TEMPLATE_SCOPE",
      "EXCEPT and INTERSECT cannot compare a union of tenants' rows with other rows",
      { hint: "put the union into a sub-select in FROM and name its columns" },
    );
  }
  const firstBlock = sides.find(({ block }) => block !== null)?.block;
  if (firstBlock === undefined || firstBlock === null || !firstBlock.addsTenant) return;
  if (sides[0]?.copied === false) {
    refuseTenantColumn(sides[0].side, builder.context);
    // VALUES cannot name a column, and the first side names those of all.
    if (sides[0].side.valuesLists !== undefined) wrapValues(sides[0].side);
  }
  const nullTenant = (): Node => castNode({ A_Const: { isnull: true } }, "text");
  for (const { side, copied } of sides) {
    if (copied) continue;
    if (side.valuesLists === undefined)
      side.targetList = [...(side.targetList ?? []), targetNode(nullTenant(), builder.context.tenantColumn)];
    else
      for (const row of side.valuesLists) if ("List" in row) row.List.items = [...(row.List.items ?? []), nullTenant()];
  }
}

/** Makes `VALUES …` into `SELECT * FROM (VALUES …) v`, in place. */
function wrapValues(side: SelectStmt): void {
  const values = { ...side };
  for (const field of Object.keys(side)) Reflect.deleteProperty(side, field);
  const source: Node = { RangeSubselect: { subquery: { SelectStmt: values }, alias: { aliasname: "v" } } };
  Object.assign(side, selectNode([targetNode(columnNode("*"))], [source]));
}

interface UnionSide {
  readonly side: SelectStmt;
  readonly copied: boolean;
  readonly block: CopiedBlock | null;
}

function copiedAndOther(select: SelectStmt, rewritten: SelectStmt, builder: OuterBuilder): UnionSide[] {
  if (builder.analysis.classOf(select) === "copied") {
    const slot = rangeVarsOf(rewritten)[0]?.relname ?? "";
    return [
      { side: rewritten, copied: true, block: builder.blocks.find((_, index) => partSlot(index) === slot) ?? null },
    ];
  }
  if (isSetOperation(select) && isSetOperation(rewritten)) {
    const inner = [
      ...copiedAndOther(select.larg, rewritten.larg, builder),
      ...copiedAndOther(select.rarg, rewritten.rarg, builder),
    ];
    // A nested union with a copied side was completed in its own turn.
    return inner.some(({ copied }) => copied) ? inner.map((side) => ({ ...side, copied: true })) : inner;
  }
  return [{ side: rewritten, copied: false, block: null }];
}
