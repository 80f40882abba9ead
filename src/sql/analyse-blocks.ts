import { AppError, type Position } from "../errors.ts";
import { loneSelector, mentionsTenant, selectorsIn } from "../template/reserved.ts";
import type { Selector } from "../template/selector.ts";
import {
  childNodes,
  firstLocation,
  fromItemsOf,
  isSetOperation,
  kindOf,
  locationOf,
  type Node,
  pathOf,
  type RangeVar,
  rangeVarsOf,
  type SelectStmt,
  sidesOf,
  walk,
} from "./ast.ts";
import { type BlockClass, bindingOf, type CteBinding, type CteScope } from "./cte-scope.ts";

export interface BlockAnalysis {
  readonly classOf: (select: SelectStmt) => BlockClass;
  /** WITH queries that the select's own FROM may name. */
  readonly scopeOf: (select: SelectStmt) => CteScope;
  /** Relations that are neither `$<tenant>` ones nor WITH queries: the guard decides on them. */
  readonly localRelations: readonly RangeVar[];
  readonly bindings: readonly CteBinding[];
  /** Counts a SELECT that was made for the tree among the copied blocks; names mean in it what they mean in `near`. */
  readonly adopt: (select: SelectStmt, near: SelectStmt) => void;
  /** Finds again which WITH queries are read once, after the tree has changed. */
  readonly noteReaders: () => void;
}

interface Analyser {
  readonly classes: Map<SelectStmt, BlockClass>;
  readonly scopes: Map<SelectStmt, CteScope>;
  readonly localRelations: RangeVar[];
  readonly bindings: CteBinding[];
  readonly selectors: readonly Selector[];
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/** True for a relation whose name has `$<tenant>` in it. */
export function isFleetRelation(relation: RangeVar): boolean {
  return mentionsTenant(relation.relname ?? "") || mentionsTenant(relation.schemaname ?? "");
}

/**
 * Gives every block its class by rules 3 to 5 of the language: a select that reads `$<tenant>` tables runs for each tenant, a select
 * that reads such a select runs once over all. Throws TEMPLATE_SCOPE where a block would be both.
 */
export function analyseBlocks(
  root: SelectStmt,
  { selectors, positionOf }: Pick<Analyser, "selectors" | "positionOf">,
): BlockAnalysis {
  const analyser: Analyser = {
    classes: new Map(),
    scopes: new Map(),
    localRelations: [],
    bindings: [],
    selectors,
    positionOf,
  };
  visit(root, new Map(), false, analyser);
  markReadOnce(root, analyser);
  return {
    classOf: (select) => analyser.classes.get(select) ?? "plain",
    scopeOf: (select) => analyser.scopes.get(select) ?? new Map(),
    localRelations: analyser.localRelations,
    bindings: analyser.bindings,
    adopt: (select, near) => {
      analyser.classes.set(select, "copied");
      analyser.scopes.set(select, analyser.scopes.get(near) ?? new Map());
    },
    noteReaders: () => {
      for (const binding of analyser.bindings) binding.readOnce = false;
      markReadOnce(root, analyser);
    },
  };
}

function visit(select: SelectStmt, outer: CteScope, inside: boolean, analyser: Analyser): BlockClass {
  const scope = visitWith(select, outer, inside, analyser);
  analyser.scopes.set(select, scope);
  const found = isSetOperation(select)
    ? visitSides(select, scope, inside, analyser)
    : visitSimple(select, scope, inside, analyser);
  analyser.classes.set(select, found);
  return found;
}

function visitWith(select: SelectStmt, outer: CteScope, inside: boolean, analyser: Analyser): CteScope {
  const withClause = select.withClause;
  if (withClause === undefined) return outer;
  // In a copied block its WITH queries are copied along, so their classes do not matter.
  const within = inside || (!isSetOperation(select) && rangeVarsOf(select).some(isFleetRelation));
  const scope = new Map(outer);
  for (const node of withClause.ctes ?? []) {
    if (!("CommonTableExpr" in node)) continue;
    const cte = node.CommonTableExpr;
    const query = cte.ctequery;
    if (query === undefined || !("SelectStmt" in query) || cte.ctename === undefined) continue;
    const binding: CteBinding = {
      cte,
      query: query.SelectStmt,
      owner: select,
      withRecursive: withClause.recursive === true,
      order: analyser.bindings.length,
      class: "plain",
      selfReferencing: false,
      readOnce: false,
    };
    if (analyser.bindings.some((other) => other.owner === select && other.cte.ctename === cte.ctename)) {
      throw new AppError("QUERY_SYNTAX", `WITH query name "${cte.ctename}" specified more than once`, {
        position: analyser.positionOf(cte.location),
      });
    }
    analyser.bindings.push(binding);
    const own = withClause.recursive === true ? new Map(scope).set(cte.ctename, binding) : scope;
    binding.class = visit(query.SelectStmt, own, within, analyser);
    binding.selfReferencing = withClause.recursive === true && refersTo(query.SelectStmt, cte.ctename);
    if (binding.selfReferencing && sidesOf(query.SelectStmt).some((side) => analyser.classes.get(side) === "copied")) {
      // The recursive member names only the WITH query itself; it recurses within each tenant.
      if (sidesOf(query.SelectStmt).some((side) => analyser.classes.get(side) === "once")) {
        throw scopeError(
          query.SelectStmt,
          analyser,
          `WITH RECURSIVE ${cte.ctename} mixes one tenant's rows with the whole fleet's`,
          "let its members read $<tenant> tables and itself only",
        );
      }
      binding.class = "copied";
    }
    scope.set(cte.ctename, binding);
  }
  return scope;
}

function refersTo(query: SelectStmt, name: string): boolean {
  let found = false;
  walk({ SelectStmt: query }, (node) => {
    if ("RangeVar" in node && node.RangeVar.relname === name && node.RangeVar.schemaname === undefined) found = true;
  });
  return found;
}

function visitSides(
  select: SelectStmt & { larg: SelectStmt; rarg: SelectStmt },
  scope: CteScope,
  inside: boolean,
  analyser: Analyser,
): BlockClass {
  const left = visit(select.larg, scope, inside, analyser);
  const right = visit(select.rarg, scope, inside, analyser);
  const classes = new Set([left, right]);
  const { larg: _left, rarg: _right, withClause: _with, ...around } = select;
  const own = visitExpressions(around, scope, inside, analyser);
  if (inside) return "plain";
  if (own.mention !== null || own.readsFleet) {
    throw scopeError(
      select,
      analyser,
      "LIMIT, OFFSET and ORDER BY of a set operation cannot read tenants",
      "put the set operation into FROM (…) and limit or order outside",
    );
  }
  if (left === "copied" && right === "copied" && select.op === "SETOP_UNION") {
    // Each side is a block with tenants of its own; only sides about the same tenants can be copied together.
    return narrowing(select.larg, analyser) === narrowing(select.rarg, analyser) ? "copied" : "once";
  }
  if (classes.size === 1) return left;
  if (!classes.has("copied")) return "once";
  if (select.op === "SETOP_UNION") return "once";
  // EXCEPT and INTERSECT work within a tenant: a side without tenants is repeated for each.
  if (classes.has("plain")) return "copied";
  throw scopeError(
    left === "once" ? select.larg : select.rarg,
    analyser,
    "EXCEPT and INTERSECT cannot compare one tenant's rows with the whole fleet's",
    "compare two SELECTs that both read $<tenant> tables, or two that both read the fleet's rows",
  );
}

/** The selectors that a block is narrowed by, as a text to compare. */
function narrowing(select: SelectStmt, { selectors }: Analyser): string {
  const found = new Set<number>();
  walk({ SelectStmt: select }, (node) => {
    const names =
      "RangeVar" in node
        ? [node.RangeVar.schemaname, node.RangeVar.relname]
        : "A_Const" in node
          ? [node.A_Const.sval?.sval]
          : "ColumnRef" in node
            ? pathOf(node.ColumnRef.fields)
            : [];
    for (const index of names.flatMap((name) => selectorsIn(name ?? "")))
      if ((selectors[index]?.items.length ?? 0) > 0) found.add(index);
  });
  return [...found].sort().join(",");
}

function visitSimple(select: SelectStmt, scope: CteScope, inside: boolean, analyser: Analyser): BlockClass {
  const relations = rangeVarsOf(select);
  for (const relation of relations) noteRelation(relation, scope, analyser);
  const copied = relations.some(isFleetRelation);
  const within = inside || copied;
  let readsFleet = relations.some((relation) => (bindingOf(relation, scope)?.class ?? "plain") !== "plain");
  for (const item of fromItemsOf(select)) {
    if (!("RangeSubselect" in item)) continue;
    const query = item.RangeSubselect.subquery;
    if (query !== undefined && "SelectStmt" in query && visit(query.SelectStmt, scope, within, analyser) !== "plain")
      readsFleet = true;
  }
  const expressions = visitExpressions(select, scope, within, analyser);
  if (inside) return "plain";
  if (copied) return "copied";
  if (expressions.mention !== null && !readsFleet) return "copied";
  if (expressions.mention !== null) {
    throw new AppError("TEMPLATE_SCOPE", "$<tenant> has no one value here: this SELECT reads the rows of all tenants", {
      position: analyser.positionOf(expressions.mention),
      hint: "read the tenant's name from the tenant column, or move this part into the SELECT that reads $<tenant> tables",
    });
  }
  return readsFleet || expressions.readsFleet ? "once" : "plain";
}

/** Looks through a block's own expressions: where they mention `$<tenant>`, and whether their sub-selects read fleet rows. */
function visitExpressions(
  select: Partial<SelectStmt>,
  scope: CteScope,
  within: boolean,
  analyser: Analyser,
): { mention: number | null; readsFleet: boolean } {
  const found: { mention: number | null; readsFleet: boolean } = { mention: null, readsFleet: false };
  const look = (value: unknown, near: number): void => {
    for (const node of childNodes(value)) lookAt(node, near);
  };
  const lookAt = (node: Node, near: number): void => {
    const at = locationOf(node) ?? near;
    if ("SelectStmt" in node) {
      const inner = visit(node.SelectStmt, scope, within, analyser);
      if (inner === "copied") found.mention ??= at;
      if (inner === "once") found.readsFleet = true;
      return;
    }
    if (kindOf(node) === "RangeSubselect" || kindOf(node) === "WithClause" || kindOf(node) === "RangeVar") return;
    if (isTenantValue(node)) found.mention ??= at;
    look(Object.values(node), at);
  };
  look(select, 0);
  return found;
}

/** True for `$<tenant>` alone, and for a literal that contains it. */
function isTenantValue(node: Node): boolean {
  if ("A_Const" in node) return mentionsTenant(node.A_Const.sval?.sval ?? "");
  if (!("ColumnRef" in node)) return false;
  const path = pathOf(node.ColumnRef.fields);
  return path.length === 1 && loneSelector(path[0] ?? "") !== null;
}

function noteRelation(relation: RangeVar, scope: CteScope, analyser: Analyser): void {
  if (!isFleetRelation(relation) && bindingOf(relation, scope) === undefined) analyser.localRelations.push(relation);
}

/** Finds which WITH queries are read by blocks that run once; the others need no gathered rows. */
function markReadOnce(select: SelectStmt, analyser: Analyser): void {
  if (analyser.classes.get(select) === "copied") return;
  const scope = analyser.scopes.get(select) ?? new Map<string, CteBinding>();
  if (!isSetOperation(select)) {
    for (const relation of rangeVarsOf(select)) {
      const binding = bindingOf(relation, scope);
      if (binding !== undefined) binding.readOnce = true;
    }
  }
  for (const node of childNodes(select)) {
    walk(node, (inner) => {
      if (!("SelectStmt" in inner)) return true;
      markReadOnce(inner.SelectStmt, analyser);
      return false;
    });
  }
}

function scopeError(select: SelectStmt, analyser: Analyser, message: string, hint: string): AppError {
  return new AppError("TEMPLATE_SCOPE", message, {
    hint,
    position: analyser.positionOf(firstLocation({ SelectStmt: select })),
  });
}
