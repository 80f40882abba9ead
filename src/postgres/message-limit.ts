import type { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { RawClient } from "./raw-client.ts";

/** More than any answer takes by default; and pg reads a value as one string, which cannot have more than 512 MiB. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const DATA_ROW = 68;
/** Its type and its length. */
const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;

/**
 * Calls `onTooLarge` as soon as the server announces a message of more than `MAX_MESSAGE_BYTES`, before it is there: pg would gather all of
 * it, and throw where nobody can catch it when one value is too long for a string. To be called between two messages.
 */
export function limitMessages(
  { connection }: RawClient,
  onTooLarge: (message: { readonly isRow: boolean }) => void,
): void {
  const { stream } = connection;
  if (!(stream instanceof Socket)) return;
  let missing = 0;
  let headerBytes = 0;
  let type = 0;
  let length = 0;
  stream.prependListener("data", (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (missing > 0) {
        const present = Math.min(missing, chunk.length - at);
        missing -= present;
        at += present;
        continue;
      }
      const byte = chunk[at] ?? 0;
      if (headerBytes === 0) type = byte;
      else length = length * 256 + byte;
      at += 1;
      headerBytes += 1;
      if (headerBytes < HEADER_BYTES) continue;
      headerBytes = 0;
      // The length counts itself.
      missing = length - LENGTH_BYTES;
      length = 0;
      if (missing > MAX_MESSAGE_BYTES) return onTooLarge({ isRow: type === DATA_ROW });
    }
  });
}
