import { AppError } from "../errors.ts";
import { mentionsTenant } from "../template/reserved.ts";
import { locationOf, pathOf, type SelectStmt, walk } from "./ast.ts";
import type { CopyContext } from "./copied-block.ts";

/** After the copying no stand-in may be left: each stood where `$<tenant>` means nothing. Throws TEMPLATE_PLACEHOLDER. */
export function refuseStrayMentions(select: SelectStmt, context: CopyContext): void {
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
