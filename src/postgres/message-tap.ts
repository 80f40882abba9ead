import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** A value is turned into text and JSON in one piece, and nobody else is served meanwhile; every session may hold one such message. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const DATA_ROW = 68;
/** Its type and its length; the length counts itself, and not the type. */
const HEADER_BYTES = 5;

/**
 * A row as the protocol has it: the number of its values in two bytes, then for each its length in four (-1 for NULL) and its bytes. They
 * stand in `bytes` from `start` to `end`, and only until the call returns.
 */
export type TakeRow = (bytes: Buffer, start: number, end: number) => void;

/** Stands between the socket and pg, and sees every message of the server before pg does. */
export interface MessageTap {
  /** From the next message on rows go to `take` and not to pg; null gives them back to pg. */
  takeRows(take: TakeRow | null): void;
  /** Stops reading the socket: the server waits with what it has to say. */
  pause(): void;
  resume(): void;
}

/**
 * Taps the messages of a session, whole ones only. Calls `onTooLarge` as soon as the server announces one of more than `MAX_MESSAGE_BYTES`, before
 * it is there: pg would gather all of it, and throw where nobody can catch it when one value is too long for a string. To be called between two
 * messages. See https://www.postgresql.org/docs/current/protocol-message-formats.html.
 */
export function tapMessages(stream: Socket, onTooLarge: () => void): MessageTap {
  const listeners = stream.listeners("data");
  stream.removeAllListeners("data");
  const deliver = (bytes: Buffer): void => {
    for (const listener of listeners) Reflect.apply(listener, stream, [bytes]);
  };

  let take: TakeRow | null = null;
  /** The beginning of a message whose end has not come, and the bytes that it, or its header, will have. */
  let held: Buffer[] = [];
  let heldBytes = 0;
  let neededBytes = HEADER_BYTES;
  let refused = false;

  function hold(bytes: Buffer): void {
    held.push(bytes);
    heldBytes += bytes.length;
  }

  /** Reads the messages that `bytes` has whole; gives the place where the rest begins, and sets `neededBytes` for that. */
  function readWhole(bytes: Buffer, from: number): number {
    let at = from;
    /** Where what pg has not seen yet begins. */
    let unseen = from;
    neededBytes = HEADER_BYTES;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt32BE(at + 1) + 1;
      if (length - HEADER_BYTES > MAX_MESSAGE_BYTES) {
        refused = true;
        onTooLarge();
        return bytes.length;
      }
      if (bytes.length - at < length) {
        neededBytes = length;
        break;
      }
      if (bytes[at] === DATA_ROW && take !== null) {
        if (unseen < at) deliver(bytes.subarray(unseen, at));
        take(bytes, at + HEADER_BYTES, at + length);
        unseen = at + length;
      }
      at += length;
    }
    if (unseen < at) deliver(bytes.subarray(unseen, at));
    return at;
  }

  /** Completes the message that is held with the first bytes of `chunk`; gives the place behind them. */
  function complete(chunk: Buffer): number {
    let at = 0;
    while (heldBytes > 0 && at < chunk.length && !refused) {
      const piece = chunk.subarray(at, at + neededBytes - heldBytes);
      at += piece.length;
      hold(piece);
      if (heldBytes < neededBytes) continue;
      // A large message is put together once, not with every piece of it.
      const message = Buffer.concat(held, heldBytes);
      held = [];
      heldBytes = 0;
      const read = readWhole(message, 0);
      if (read < message.length) hold(message.subarray(read));
    }
    return at;
  }

  stream.on("data", (chunk: Buffer) => {
    if (refused) return;
    const from = complete(chunk);
    const rest = from < chunk.length && !refused ? readWhole(chunk, from) : chunk.length;
    if (rest < chunk.length) hold(chunk.subarray(rest));
  });
  return {
    takeRows(next) {
      take = next;
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  };
}
