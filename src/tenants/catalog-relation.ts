import { quoteQualified } from "../postgres/quote.ts";
import type { CatalogRelation } from "../types.ts";
import type { FoundRelation } from "./read-federation.ts";

/** The part of a relation that queries need; its name is quoted once for as long as the catalog is in use. */
export function catalogRelation({ schema, name, columns, reads }: FoundRelation): CatalogRelation {
  return { schema, name, quoted: quoteQualified(schema, name), columns, reads };
}
