import { Buffer, isUtf8 } from "node:buffer";
import type { ArmSink } from "../execute/stream-share.ts";
import type { ByteWriter, WriteRow } from "../frames/row-bytes.ts";
import { type AnswerSpool, CHUNK_BYTES } from "../spool/answer-spool.ts";

/** Most arms have few rows, and there may be a thousand of them. */
const FIRST_BYTES = 2 * 1024;
/** A row more might outgrow the chunk. */
const FULL_BYTES = CHUNK_BYTES - 4 * 1024;

/** Writes the rows of one arm as lines, and hands them to the spool in chunks. `onComplete` is told how many there were. */
export function createArmSink(spool: AnswerSpool, writeRow: WriteRow, onComplete: (rows: number) => void): ArmSink {
  const part = spool.part();
  let writer: ByteWriter = { buffer: Buffer.allocUnsafe(FIRST_BYTES), length: 0 };
  let rows = 0;

  function flush(): boolean {
    const { buffer, length } = writer;
    if (length === 0) return true;
    if (isUtf8(buffer.subarray(0, length))) return part.write(buffer, length);
    // A tenant whose database is in SQL_ASCII may send anything; JSON is UTF-8.
    const repaired = Buffer.from(buffer.toString("utf8", 0, length));
    return part.write(repaired, repaired.length);
  }

  return {
    take(bytes, start) {
      writeRow(bytes, start, writer);
      rows += 1;
      if (writer.length < FULL_BYTES) return true;
      const taken = flush();
      writer = { buffer: spool.lend(), length: 0 };
      return taken;
    },
    full: part.full,
    complete() {
      const whole = flush();
      part.complete();
      onComplete(rows);
      return whole;
    },
    drop: part.drop,
  };
}
