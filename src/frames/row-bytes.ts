import { Buffer } from "node:buffer";
import type { TableColumn } from "../types.ts";
import { usualTimeMs } from "./epoch.ts";
import { quoteJson } from "./json-text.ts";
import { jsonEncoder } from "./value-json.ts";

/** A column of rows that come as bytes. */
export interface ByteColumn {
  readonly column: TableColumn;
  /** Makes the column's text of what PostgreSQL sent, which is never NULL; null when that is the text. */
  readonly convert: ((text: string) => string | null) | null;
}

/** Bytes that grow at their end. */
export interface ByteWriter {
  buffer: Buffer;
  length: number;
}

/** Writes one row of the protocol (see `TakeRow` of postgres/) as a line of ndjson. */
export type WriteRow = (bytes: Buffer, start: number, writer: ByteWriter) => void;

type WriteValue = (bytes: Buffer, start: number, end: number, writer: ByteWriter) => void;

const QUOTE = 34;
const BACKSLASH = 92;
const FIRST_PRINTABLE = 32;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const NULL_LENGTH = -1;
const NULL = Buffer.from("null");
const END_OF_ROW = Buffer.from("}\n");
const INTEGER_BYTES = 4;
const COUNT_BYTES = 2;
/** UTF-8 has at most three bytes for what a string counts as one. */
const BYTES_PER_UNIT = 3;

/**
 * A writer of rows with these columns, whose names differ. Numbers and texts go from the server's bytes to JSON without becoming strings, as long
 * as nothing in them needs an escape; what is written is what `encodeNdjson` writes.
 */
export function createRowWriter(columns: readonly ByteColumn[]): WriteRow {
  if (columns.length === 0) return (_bytes, _start, writer) => copy(Buffer.from("{}\n"), 0, 3, writer);
  const cells = columns.map(({ column, convert }, index) => ({
    before: Buffer.from(`${index === 0 ? "{" : ","}${quoteJson(column.name)}:`),
    write: valueWriter(column, convert),
  }));
  return (bytes, start, writer) => {
    let at = start + COUNT_BYTES;
    for (const { before, write } of cells) {
      copy(before, 0, before.length, writer);
      const length = bytes.readInt32BE(at);
      at += INTEGER_BYTES;
      if (length === NULL_LENGTH) {
        copy(NULL, 0, NULL.length, writer);
      } else {
        write(bytes, at, at + length, writer);
        at += length;
      }
    }
    copy(END_OF_ROW, 0, END_OF_ROW.length, writer);
  };
}

function valueWriter(column: TableColumn, convert: ByteColumn["convert"]): WriteValue {
  if (convert === null && column.kind === "number") return writeNumber;
  if (convert === null && column.kind === "text") return writeText;
  const encode = jsonEncoder(column, "ndjson");
  const isTime = convert === null && column.kind === "time";
  return (bytes, start, end, writer) => {
    const ms = isTime ? usualTimeMs(bytes, start, end) : Number.NaN;
    if (ms >= 0) {
      writeInteger(ms, writer);
      return;
    }
    const text = bytes.toString("utf8", start, end);
    const converted = convert === null ? text : convert(text);
    writeString(converted === null ? "null" : encode(converted), writer);
  };
}

/** PostgreSQL's text of a finite number is a JSON number; NaN and the infinities are null. */
function writeNumber(bytes: Buffer, start: number, end: number, writer: ByteWriter): void {
  const first = bytes[start] === MINUS ? bytes[start + 1] : bytes[start];
  if (first !== undefined && first >= ZERO && first <= NINE) copy(bytes, start, end, writer);
  else copy(NULL, 0, NULL.length, writer);
}

function writeText(bytes: Buffer, start: number, end: number, writer: ByteWriter): void {
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte >= FIRST_PRINTABLE && byte !== QUOTE && byte !== BACKSLASH) continue;
    writeString(JSON.stringify(bytes.toString("utf8", start, end)), writer);
    return;
  }
  reserve(end - start + 2, writer);
  writer.buffer[writer.length] = QUOTE;
  writer.length += 1;
  copy(bytes, start, end, writer);
  writer.buffer[writer.length] = QUOTE;
  writer.length += 1;
}

/** Digits of an integer from 0 on. */
function writeInteger(value: number, writer: ByteWriter): void {
  let digits = 1;
  for (let rest = value; rest >= 10; rest /= 10) digits += 1;
  reserve(digits, writer);
  let rest = value;
  for (let at = writer.length + digits - 1; at >= writer.length; at -= 1) {
    const quotient = Math.floor(rest / 10);
    writer.buffer[at] = ZERO + rest - quotient * 10;
    rest = quotient;
  }
  writer.length += digits;
}

/** Three times as much room as a text needs is nothing for a short one; from here on its bytes are counted first. */
const LONG_TEXT = 65_536;

function writeString(text: string, writer: ByteWriter): void {
  reserve(text.length < LONG_TEXT ? text.length * BYTES_PER_UNIT : Buffer.byteLength(text), writer);
  writer.length += writer.buffer.write(text, writer.length, "utf8");
}

/** Below this a loop is faster than a call (measured). */
const FEW_BYTES = 32;

function copy(bytes: Buffer, start: number, end: number, writer: ByteWriter): void {
  reserve(end - start, writer);
  const { buffer } = writer;
  if (end - start > FEW_BYTES) {
    bytes.copy(buffer, writer.length, start, end);
    writer.length += end - start;
    return;
  }
  let { length } = writer;
  for (let index = start; index < end; index += 1) {
    buffer[length] = bytes[index] ?? 0;
    length += 1;
  }
  writer.length = length;
}

function reserve(bytes: number, writer: ByteWriter): void {
  const needed = writer.length + bytes;
  if (needed <= writer.buffer.length) return;
  const larger = Buffer.allocUnsafe(Math.max(needed, writer.buffer.length * 2));
  writer.buffer.copy(larger, 0, 0, writer.length);
  writer.buffer = larger;
}
