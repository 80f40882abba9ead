import { namePatternOf, type SelectorItem } from "../template/selector.ts";
import { type Node, pathOf } from "./ast.ts";
import { conjunctsOf } from "./conjuncts.ts";
import { type Source, sourceColumn } from "./movable.ts";

/**
 * Tenants that a SELECT's WHERE lets through, as items of a selector: `tenant = 'a'`, `tenant IN ('a', 'b')`, `tenant = ANY (ARRAY['a'])` and
 * `tenant ~ '^a'` among what is joined by AND. The others need not be asked: whatever they gave, WHERE would drop it.
 */
export function narrowTenants(condition: Node | undefined, source: Source): readonly SelectorItem[] {
  return conjunctsOf(condition).flatMap((node) => itemOf(node, source) ?? []);
}

function itemOf(node: Node, source: Source): SelectorItem | null {
  if (!("A_Expr" in node)) return null;
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  const operator = pathOf(name).at(-1);
  const [subject, object] = isTenant(lexpr, source) ? [lexpr, rexpr] : [rexpr, lexpr];
  if (!isTenant(subject, source) || object === undefined) return null;
  const values = textsOf(object);
  if (kind === "AEXPR_OP" && operator === "=" && values.length === 1) return { kind: "names", names: new Set(values) };
  if (subject !== lexpr) return null;
  const isList = kind === "AEXPR_IN" || (kind === "AEXPR_OP_ANY" && "A_ArrayExpr" in object);
  if (isList && operator === "=" && values.length > 0) return { kind: "names", names: new Set(values) };
  return kind === "AEXPR_OP" && operator === "~" && values.length === 1 ? namePatternOf(values[0] ?? "") : null;
}

function isTenant(node: Node | undefined, source: Source): boolean {
  return node !== undefined && sourceColumn(node, source) === source.tenantColumn;
}

/** The texts of a constant, or of a list or array of nothing else; empty for anything else. */
function textsOf(node: Node): readonly string[] {
  if ("A_Const" in node) return node.A_Const.sval?.sval === undefined ? [] : [node.A_Const.sval.sval];
  if (
    "TypeCast" in node &&
    pathOf(node.TypeCast.typeName?.names).join(".") === "text" &&
    // text[] is not one text: ARRAY['{a,b}'::text[]] has two.
    node.TypeCast.typeName?.arrayBounds === undefined &&
    node.TypeCast.arg !== undefined
  )
    return textsOf(node.TypeCast.arg);
  const items = "List" in node ? node.List.items : "A_ArrayExpr" in node ? node.A_ArrayExpr.elements : undefined;
  const texts = (items ?? []).flatMap(textsOf);
  return texts.length === items?.length ? texts : [];
}
