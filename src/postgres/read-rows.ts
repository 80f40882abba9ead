import { Buffer } from "node:buffer";
import type { ResultColumn, TextRows } from "../types.ts";
import type { RawClient } from "./raw-client.ts";
import type { ReadBudget } from "./read-budget.ts";
import { type Aftermath, readStatement, type StatementOptions, type TextRow } from "./read-statement.ts";

// The server sends a batch whole, and a row may have megabytes: the first batch tells how large rows are.
const FIRST_BATCH_ROWS = 8;
const MAX_BATCH_ROWS = 5_000;
const BATCH_BYTES = 4 * 1024 * 1024;
/** The place of a value in a row, which a NULL needs too. */
export const CELL_BYTES = 8;
// Later rows may be larger than the first ones: sizes are learnt in steps.
const BATCH_GROWTH = 16;

export interface ReadOptions extends StatementOptions {
  readonly budget: ReadBudget;
  /** Stops the statement on the server: more of it is on its way than is worth reading. */
  readonly interrupt: () => void;
}

/** Rows on their way; `closed` is the statement's. */
export interface Reading {
  /** Resolves as soon as the last row is there. */
  readonly rows: Promise<TextRows>;
  readonly closed: Promise<Aftermath>;
  /** Ends the reading with an error. */
  fail(error: Error): void;
}

/** Reads the rows of a statement (see `readStatement`) in text form until they end or the budget does. */
export function readRows(client: RawClient, sql: string, options: ReadOptions): Reading {
  const { budget, interrupt } = options;
  const rows: TextRow[] = [];
  let columns: readonly ResultColumn[] = [];
  let bytes = 0;
  let batchEnd = 0;
  let truncated = false;

  const reader = {
    columns(described: readonly ResultColumn[]): void {
      columns = described;
    },
    row(fields: TextRow): void {
      const size = sizeOf(fields);
      if (budget.admit(size)) {
        rows.push(fields);
        bytes += size;
        return;
      }
      const largest = Math.max(size, bytes / Math.max(rows.length, 1));
      if (largest * (batchEnd - rows.length - 1) > BATCH_BYTES) interrupt();
      cut();
    },
    batchRows(): number {
      const batch = batchRows(rows.length, bytes, budget.rowsLeft());
      batchEnd = rows.length + batch;
      return batch;
    },
    lost: () => budget.giveBack(rows.length, bytes),
  };
  const { ended, closed, settle, fail } = readStatement(client, sql, reader, options);
  function cut(): void {
    truncated = true;
    settle();
  }
  return { rows: ended.then(() => ({ columns, rows, truncated })), closed, fail };
}

/** The rows of an answer that a budget has room for, which they take from it: the answer was read within another one. */
export function keepWithin(budget: ReadBudget, answer: TextRows): TextRows {
  const tooMany = answer.rows.findIndex((row) => !budget.admit(sizeOf(row)));
  return tooMany < 0 ? answer : { ...answer, rows: answer.rows.slice(0, tooMany), truncated: true };
}

// The budget's last row is followed by one more, so that a result which just fits is not called truncated.
function batchRows(rowsRead: number, bytesRead: number, rowsLeft: number): number {
  if (rowsRead === 0) return Math.max(1, Math.min(FIRST_BATCH_ROWS, rowsLeft + 1));
  const fitting = Math.ceil((BATCH_BYTES * rowsRead) / Math.max(bytesRead, 1));
  return Math.max(1, Math.min(fitting, rowsRead * BATCH_GROWTH, MAX_BATCH_ROWS, rowsLeft + 1));
}

/** What a row takes: its values, and a place for each. */
function sizeOf(row: TextRow): number {
  let bytes = CELL_BYTES * row.length;
  for (const value of row) if (value !== null) bytes += Buffer.byteLength(value);
  return bytes;
}
