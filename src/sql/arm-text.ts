import { Buffer } from "node:buffer";
import type { Position } from "../errors.ts";
import { quoteLiteral } from "../postgres/quote.ts";
import { splitAtTenant } from "../template/reserved.ts";
import { type CopiedBlock, SLOT } from "./copied-block.ts";
import type { DeparsedSql } from "./deparse.ts";
import { codePointsToUnits } from "./parser.ts";

/** The SQL of a copied block with gaps for one tenant's relations and name. */
export interface ArmText {
  /** Fills the gaps; `relations` are SQL texts of FROM items, in the order of the block's relations. */
  readonly fill: (tenant: string, relations: readonly string[]) => string;
  /** The place in the user's text for a 1-based character position in a text that `fill` gave for the same arguments. */
  readonly positionOf: (character: number, tenant: string, relations: readonly string[]) => Position | undefined;
}

/** `start` is the piece's offset in the deparsed text. */
type Piece = { readonly start: number } & (
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "relation"; readonly index: number }
  /** The literal's text between the places of the tenant's name. */
  | { readonly kind: "literal"; readonly parts: readonly string[] }
);

/** Cuts a copied block's text at its slots, once; filling is then a join of strings, for hundreds of tenants. */
export function armText(
  deparsed: DeparsedSql,
  block: Pick<CopiedBlock, "literals">,
  positionOf: (byteOffset: number | undefined) => Position | undefined,
): ArmText {
  const pieces = cutAtSlots(deparsed.sql, block.literals);
  const fill = (tenant: string, relations: readonly string[]): string => {
    let sql = "";
    for (const piece of pieces) sql += fillPiece(piece, tenant, relations);
    return sql;
  };
  return {
    fill,
    positionOf: (character, tenant, relations) => {
      let remaining = codePointsToUnits(fill(tenant, relations), character - 1);
      for (const piece of pieces) {
        const length = fillPiece(piece, tenant, relations).length;
        if (remaining < length) {
          const at = piece.kind === "text" ? piece.start + remaining : piece.start;
          return positionOf(deparsed.originOf(Buffer.byteLength(deparsed.sql.slice(0, at), "utf8")));
        }
        remaining -= length;
      }
      return undefined;
    },
  };
}

function cutAtSlots(sql: string, literals: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of sql.matchAll(SLOT)) {
    pieces.push({ kind: "text", start: end, text: sql.slice(end, match.index) });
    if (match.groups?.relation !== undefined)
      pieces.push({ kind: "relation", start: match.index, index: Number(match.groups.relationIndex) });
    else {
      const text = literals[Number(match.groups?.literalIndex)] ?? "";
      pieces.push({ kind: "literal", start: match.index, parts: splitAtTenant(text) });
    }
    end = match.index + match[0].length;
  }
  pieces.push({ kind: "text", start: end, text: sql.slice(end) });
  return pieces;
}

function fillPiece(piece: Piece, tenant: string, relations: readonly string[]): string {
  switch (piece.kind) {
    case "text":
      return piece.text;
    case "relation":
      return relations[piece.index] ?? "";
    case "literal":
      return quoteLiteral(piece.parts.join(tenant));
  }
  return piece satisfies never;
}
