import { AppError, type Position } from "../errors.ts";
import { loneSelector, mentionsTenant } from "../template/reserved.ts";
import { isFleetRelation } from "./analyse-blocks.ts";
import { kindOf, locationOf, type Node, pathOf, walk } from "./ast.ts";

/**
 * Refuses a `$<tenant>` that is part of a name other than a table's: an alias, a column, a function, a type. Throws TEMPLATE_PLACEHOLDER
 * with the nearest place. It runs before the guard, which would name a stand-in that the user never wrote.
 */
export function refuseStrayMentions(
  root: Node,
  positionOf: (byteOffset: number | undefined) => Position | undefined,
): void {
  const relations = relationNames(root);
  let near: number | undefined;
  walk(root, (node) => {
    near = locationOf(node) ?? near;
    const [what, text] = strayName(node, relations);
    if (!mentionsTenant(text)) return;
    throw new AppError("TEMPLATE_PLACEHOLDER", `$<tenant> cannot be part of ${what}`, {
      hint: "it may be part of a table's name, stand in a '…' literal, or stand alone as a value",
      position: positionOf(near),
    });
  });
}

/** Names that `$<tenant>` relations without an alias go by: `$<tenant>_entities`, and columns may be qualified with them. */
function relationNames(root: Node): ReadonlySet<string> {
  const names = new Set<string>();
  walk(root, (node) => {
    if ("RangeVar" in node && isFleetRelation(node.RangeVar)) names.add(node.RangeVar.relname ?? "");
  });
  return names;
}

/** What a node names, and the part of the name in which `$<tenant>` has no place. */
function strayName(node: Node, relations: ReadonlySet<string>): readonly [what: string, text: string] {
  if ("ResTarget" in node) return ["an output column's name", node.ResTarget.name ?? ""];
  if ("ColumnRef" in node) return ["a column's name", strayColumn(pathOf(node.ColumnRef.fields), relations)];
  if ("FuncCall" in node) return ["a function's name", dotted(node.FuncCall.funcname)];
  if ("TypeName" in node) return ["a type's name", dotted(node.TypeName.names)];
  if ("CollateClause" in node) return ["a collation's name", dotted(node.CollateClause.collname)];
  if ("JoinExpr" in node) return ["a column's name", dotted(node.JoinExpr.usingClause)];
  if ("WindowDef" in node) return ["a window's name", node.WindowDef.name ?? ""];
  if ("Alias" in node) return ["an alias", [node.Alias.aliasname ?? "", dotted(node.Alias.colnames)].join(".")];
  if ("RangeVar" in node) return ["a database's name", node.RangeVar.catalogname ?? ""];
  if ("CommonTableExpr" in node) {
    const { ctename = "", aliascolnames } = node.CommonTableExpr;
    return ["a WITH query's name", [ctename, dotted(aliascolnames)].join(".")];
  }
  return [kindOf(node), ""];
}

function dotted(names: readonly Node[] | undefined): string {
  return pathOf(names).join(".");
}

/** `$<tenant>` alone is a value, and a relation's name may stand before the column's or by itself for the whole row. */
function strayColumn(path: readonly string[], relations: ReadonlySet<string>): string {
  const [first = "", ...rest] = path;
  const known = relations.has(first) || loneSelector(first) !== null;
  return [known ? "" : first, ...rest.filter((part) => !relations.has(part))].join(".");
}
