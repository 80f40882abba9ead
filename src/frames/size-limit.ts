import { Buffer } from "node:buffer";
import { formatSize } from "../config/units.ts";
import { AppError } from "../errors.ts";
import type { Notice } from "../types.ts";

export interface SizeLimit {
  readonly maxBytes: number;
  readonly onLimit: "cut" | "refuse";
}

/** What an answer says when its last rows were cut off. */
export function cutNotice(rows: number, rowCount: number, maxBytes: number): Notice {
  return {
    severity: "warning",
    text: `the answer is cut at ${formatSize(maxBytes)} (limits.responseBytes): ${rows} of ${rowCount} rows`,
  };
}

/** Throws `RESULT_TOO_LARGE` where rows may not be cut off. */
export function refuseOverflow(limit: SizeLimit): void {
  if (limit.onLimit === "cut") return;
  throw new AppError(
    "RESULT_TOO_LARGE",
    `the answer is larger than ${formatSize(limit.maxBytes)} (limits.responseBytes)`,
    {
      hint: "aggregate, select fewer columns, narrow the time range or name fewer tenants",
    },
  );
}

/** A body of rows between a head and a tail. `encodeRow` gives each row with its separator. */
export interface RowBody {
  readonly rowCount: number;
  readonly head: string;
  readonly encodeRow: (row: number) => string;
  /** What follows the rows, with the notice of a cut when there was one. */
  readonly tail: (cut: Notice | undefined) => string;
}

export interface WrittenRows {
  readonly body: Buffer;
  readonly rows: number;
  readonly cut: Notice | undefined;
}

/** Big enough that one conversion to UTF-8 serves hundreds of rows, small enough for V8 to flatten cheaply. */
const CHUNK_CHARACTERS = 1 << 18;

/** Writes as many whole rows as fit into `maxBytes`, head and tail included; head and tail are written even if they alone do not. */
export function writeRows(source: RowBody, limit: SizeLimit): WrittenRows {
  const { rowCount, encodeRow } = source;
  const head = Buffer.from(source.head);
  const room = limit.maxBytes - head.length - Buffer.byteLength(source.tail(undefined));
  const chunks: { readonly first: number; readonly bytes: Buffer }[] = [];
  let used = 0;
  for (let row = 0; row < rowCount; ) {
    const first = row;
    let text = "";
    for (; row < rowCount && text.length < CHUNK_CHARACTERS; row += 1) text += encodeRow(row);
    const bytes = Buffer.from(text);
    chunks.push({ first, bytes });
    used += bytes.length;
    if (used > room) {
      refuseOverflow(limit);
      return cutRows();
    }
  }
  return assemble(rowCount);

  /** The last chunk is too long, and where the notice of the cut needs the room, the one before it too. */
  function cutRows(): WrittenRows {
    const longestCut = cutNotice(rowCount, rowCount, limit.maxBytes);
    // A tail may get shorter by the cut ("true" for "false"), yet not all rows fit.
    const roomWithNotice = Math.min(room, limit.maxBytes - head.length - Buffer.byteLength(source.tail(longestCut)));
    let start = 0;
    while (used > roomWithNotice) {
      const last = chunks.pop();
      if (last === undefined) break;
      used -= last.bytes.length;
      start = last.first;
    }
    const fitted = rowsThatFit(source, start, roomWithNotice - used);
    chunks.push({ first: start, bytes: fitted.bytes });
    return assemble(fitted.end);
  }

  function assemble(rows: number): WrittenRows {
    const cut = rows < rowCount ? cutNotice(rows, rowCount, limit.maxBytes) : undefined;
    const tail = Buffer.from(source.tail(cut));
    return { body: Buffer.concat([head, ...chunks.map((chunk) => chunk.bytes), tail]), rows, cut };
  }
}

function rowsThatFit(source: RowBody, first: number, room: number): { readonly bytes: Buffer; readonly end: number } {
  let text = "";
  let length = 0;
  let end = first;
  for (; end < source.rowCount; end += 1) {
    const next = source.encodeRow(end);
    length += Buffer.byteLength(next);
    if (length > room) break;
    text += next;
  }
  return { bytes: Buffer.from(text), end };
}
