import { Buffer } from "node:buffer";
import type { Notice } from "../types.ts";
import { type EncodedAnswer, type EncodeOptions, JSON_TYPE, whatWasCut } from "./encoded-answer.ts";
import { cutNotice, refuseOverflow } from "./size-limit.ts";

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
  options: EncodeOptions,
  encode: (rows: number, cut: Notice | undefined) => Elements,
): EncodedAnswer {
  let rows = rowCount;
  for (let pass = 0; ; pass += 1) {
    const cut = rows < rowCount ? cutNotice(rows, rowCount, options.maxBytes) : undefined;
    const elements = encode(rows, cut);
    const bytes = elements.texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 1);
    if (bytes <= options.maxBytes || rows === 0)
      return { ...assemble(elements, cut), rows, ...whatWasCut(options.coverage, cut) };
    refuseOverflow(options);
    // The share shrinks faster with each pass, so that tables with uneven rows need six passes at most.
    rows = Math.floor(rows * Math.max(0, Math.min(options.maxBytes / bytes, 1 - 0.02 * 2 ** pass)));
  }
}

function assemble(
  { texts, notices }: Elements,
  cut: Notice | undefined,
): Omit<EncodedAnswer, "rows" | "truncated" | "cutNotice"> {
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
    notices: cut === undefined ? notices : [...notices, cut],
  };
}
