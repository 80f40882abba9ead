import { Buffer } from "node:buffer";
import type { EncodedTable } from "../types.ts";

const OPENING_BRACE = 1;
const CLOSING_BRACE = "}".charCodeAt(0);

/**
 * The frames of several answers as one JSON array, each with its `refId`. Answers are shared with other requests and
 * carry none, so it is spliced in behind the frame's opening brace; nothing is parsed or encoded again.
 */
export function joinFrames(answers: readonly { readonly refId: string; readonly encoded: EncodedTable }[]): Buffer {
  const parts: Buffer[] = [];
  for (const { refId, encoded } of answers) {
    const mark = Buffer.from(`{"refId":${JSON.stringify(refId)}`);
    for (const { start, end } of encoded.elements) {
      const rest = encoded.body.subarray(start + OPENING_BRACE, end);
      const isEmptyObject = rest[0] === CLOSING_BRACE;
      parts.push(COMMA, mark, ...(isEmptyObject ? [] : [COMMA]), rest);
    }
  }
  return Buffer.concat([Buffer.from("["), ...parts.slice(1), Buffer.from("]")]);
}

const COMMA = Buffer.from(",");
