import { Buffer } from "node:buffer";

/** The parser counts in UTF-8 bytes, JavaScript in UTF-16 units. */
export interface ByteOffsets {
  readonly toUnits: (bytes: number) => number;
}

/** Conversion of places in `text`. For ASCII, which most SQL is, it costs nothing. */
export function byteOffsets(text: string): ByteOffsets {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length === text.length) return { toUnits: (offset) => offset };
  return {
    toUnits: (offset) => bytes.subarray(0, offset).toString("utf8").length,
  };
}
