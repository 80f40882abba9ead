import { Buffer } from "node:buffer";
import type { DiskBudget } from "./disk-budget.ts";
import { createSpoolFile } from "./spool-file.ts";

/** A part of an answer: its bytes leave the spool together, once all are there, or not at all. */
export interface SpoolPart {
  /** Adds the first `length` bytes of `buffer`, which is the spool's from now on. False, and nothing added, when the answer would have more than it may, or all answers together. */
  write(buffer: Buffer, length: number): boolean;
  /** A promise when more bytes should wait for the disk. */
  full(): Promise<void> | null;
  complete(): void;
  /** Takes the part back. */
  drop(): void;
}

/** What stands between statements that give rows at the speed of the databases and a client that takes them at its own. */
export interface AnswerSpool {
  /** A buffer of `CHUNK_BYTES` for `write`. */
  lend(): Buffer;
  /** Begins a part; parts leave in the order in which they are completed. */
  part(): SpoolPart;
  /** Resolves when all that was written is in memory or on disk; rejects with Node's error, such as ENOSPC, when it cannot be. */
  written(): Promise<void>;
  /** No part follows; `tail` is the last thing to leave. */
  end(tail: Buffer): void;
  /** No part follows, for this reason: reading rejects with it after the parts that were completed. */
  fail(error: unknown): void;
  /** Resolves when a part is complete. */
  readonly begun: Promise<void>;
  /** The bytes of the complete parts, then the tail. To be called once; a chunk is valid until the next one is asked for. */
  chunks(): AsyncGenerator<Buffer, void, undefined>;
  /** Gives memory and disk back. */
  close(): Promise<void>;
}

export interface AnswerSpoolOptions {
  /** Bytes of all parts. */
  readonly maxBytes: number;
  /** What the caller's answers share: a client that does not read must not fill the disk. */
  readonly disk: DiskBudget;
  /** Where bytes wait for which there is no room in memory. */
  readonly folder: string;
}

type Piece =
  | { readonly kind: "memory"; readonly buffer: Buffer; readonly length: number }
  | { readonly kind: "disk"; readonly position: number; readonly length: number; readonly written: Promise<void> };

/** What waits in memory; the rest waits on disk. */
const MEMORY_BYTES = 1024 * 1024;
/** On their way to the disk: more would be memory again. */
const WRITING_BYTES = 1024 * 1024;
/** Used again and again: a million rows would leave a hundred megabytes to the garbage collector, which is late with what is not its heap. */
export const CHUNK_BYTES = 64 * 1024;
const SPARE_CHUNKS = 16;

/** A spool with nothing in it. It makes a file only for an answer that outgrows the memory. */
export function createAnswerSpool({ maxBytes, disk, folder }: AnswerSpoolOptions): AnswerSpool {
  const file = createSpoolFile(folder);
  const complete: Piece[][] = [];
  const spare: Buffer[] = [];
  let end: { readonly tail: Buffer } | { readonly error: unknown } | null = null;
  let takenBytes = 0;
  let diskBytes = 0;
  /** What the disk refused; nothing more is taken then. */
  let refusal: { readonly error: unknown } | null = null;
  let memoryBytes = 0;
  let writingBytes = 0;
  let room: { readonly promise: Promise<void>; readonly open: () => void } | null = null;
  let wake = signal();
  const begun = signal();

  function lend(): Buffer {
    return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  function giveBack(buffer: Buffer): void {
    if (buffer.length === CHUNK_BYTES && spare.length < SPARE_CHUNKS) spare.push(buffer);
  }

  function toDisk(buffer: Buffer, length: number): Piece {
    const { position, written } = file.append(buffer.subarray(0, length));
    writingBytes += length;
    const leave = (): void => {
      giveBack(buffer);
      writingBytes -= length;
      if (writingBytes > WRITING_BYTES || room === null) return;
      room.open();
      room = null;
    };
    written.then(leave, (error: unknown) => {
      refusal ??= { error };
      leave();
    });
    return { kind: "disk", position, length, written };
  }

  function part(): SpoolPart {
    const pieces: Piece[] = [];
    let partBytes = 0;
    return {
      write(buffer, length) {
        if (refusal !== null || takenBytes + length > maxBytes) return false;
        if (memoryBytes + buffer.length > MEMORY_BYTES) {
          // What a part that was dropped had on disk stays there until the end.
          if (diskBytes + length > maxBytes || !disk.take(length)) return false;
          diskBytes += length;
          pieces.push(toDisk(buffer, length));
        } else {
          memoryBytes += buffer.length;
          pieces.push({ kind: "memory", buffer, length });
        }
        takenBytes += length;
        partBytes += length;
        return true;
      },
      full() {
        if (writingBytes <= WRITING_BYTES) return null;
        room ??= signal();
        return room.promise;
      },
      complete() {
        complete.push(pieces);
        begun.open();
        wake.open();
      },
      drop() {
        for (const piece of pieces) if (piece.kind === "memory") memoryBytes -= piece.buffer.length;
        pieces.length = 0;
        takenBytes -= partBytes;
        partBytes = 0;
      },
    };
  }

  async function* bytesOf(piece: Piece): AsyncGenerator<Buffer, void, undefined> {
    if (piece.kind === "memory") {
      yield piece.buffer.subarray(0, piece.length);
      memoryBytes -= piece.buffer.length;
      giveBack(piece.buffer);
      return;
    }
    await piece.written;
    const buffer = lend();
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
      const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, piece.length - at));
      await file.read(piece.position + at, chunk);
      yield chunk;
    }
    giveBack(buffer);
  }

  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      for (let pieces = complete.shift(); pieces !== undefined; pieces = complete.shift())
        for (const piece of pieces) yield* bytesOf(piece);
      if (end !== null) break;
      wake = signal();
      await wake.promise;
    }
    if ("error" in end) throw end.error;
    yield end.tail;
  }

  function finish(how: typeof end): void {
    end ??= how;
    wake.open();
  }

  return {
    lend,
    part,
    chunks,
    async written() {
      await file.flushed();
      if (refusal !== null) throw refusal.error;
    },
    end: (tail) => finish({ tail }),
    fail: (error) => finish({ error }),
    begun: begun.promise,
    async close() {
      await file.close();
      disk.giveBack(diskBytes);
      diskBytes = 0;
    },
  };
}

function signal(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
