import { quoteQualified } from "../postgres/quote.ts";
import type { CatalogRelation } from "../types.ts";

/** A catalog's relations never change, and each stands in every query's arms. */
const texts = new WeakMap<CatalogRelation, string>();

/** The relation's quoted name, written once for as long as its catalog is in use. */
export function relationText(relation: CatalogRelation): string {
  const known = texts.get(relation);
  if (known !== undefined) return known;
  const text = quoteQualified(relation.schema, relation.name);
  texts.set(relation, text);
  return text;
}
