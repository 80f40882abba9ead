import { Buffer } from "node:buffer";
import type { Notice } from "../types.ts";
import { type EncodedAnswer, JSON_TYPE } from "./encoded-answer.ts";
import { cutNotice, refuseOverflow, type SizeLimit } from "./size-limit.ts";

/** JSON texts of an array's members, made of the first `rowCount` rows, with the notices that making them added. */
export interface Elements {
  readonly texts: readonly string[];
  readonly notices: readonly Notice[];
}

/**
 * An array of frames from as many rows as fit. Frames are columns, so that the bytes of a row are spread over the body:
 * rather than counting each, the table is encoded again with a smaller share of its rows until it fits.
 */
export function writeElements(
  rowCount: number,
  limit: SizeLimit,
  encode: (rows: number, cut: Notice | undefined) => Elements,
): EncodedAnswer {
  let rows = rowCount;
  for (let pass = 0; ; pass += 1) {
    const cut = rows < rowCount ? cutNotice(rows, rowCount, limit.maxBytes) : undefined;
    const elements = encode(rows, cut);
    const bytes = elements.texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 1);
    if (bytes <= limit.maxBytes || rows === 0) return assemble(elements, rows, cut);
    refuseOverflow(limit);
    // The share shrinks faster with each pass, so that tables with uneven rows need six passes at most.
    rows = Math.floor(rows * Math.max(0, Math.min(limit.maxBytes / bytes, 1 - 0.02 * 2 ** pass)));
  }
}

function assemble({ texts, notices }: Elements, rows: number, cut: Notice | undefined): EncodedAnswer {
  const extents: { readonly start: number; readonly end: number }[] = [];
  const chunks: Buffer[] = [Buffer.from("[")];
  let position = 1;
  for (const [index, text] of texts.entries()) {
    if (index > 0) {
      chunks.push(Buffer.from(","));
      position += 1;
    }
    const chunk = Buffer.from(text);
    extents.push({ start: position, end: position + chunk.length });
    chunks.push(chunk);
    position += chunk.length;
  }
  chunks.push(Buffer.from("]"));
  return {
    contentType: JSON_TYPE,
    body: Buffer.concat(chunks),
    elements: extents,
    rows,
    notices: cut === undefined ? notices : [...notices, cut],
    ...(cut === undefined ? {} : { cutNotice: cut }),
  };
}
