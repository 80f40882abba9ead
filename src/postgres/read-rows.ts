import { Buffer } from "node:buffer";
import Cursor from "pg-cursor";
import type { ResultColumn, TextRows } from "../types.ts";
import type { RawClient, RowDescription } from "./raw-client.ts";
import type { ReadBudget } from "./read-budget.ts";

/** A value of `$1`, `$2`, …: text, an array of texts, or null. */
export type ParameterValue = string | readonly (string | null)[] | null;

type TextRow = readonly (string | null)[];

const textForm = (value: string): string => value;
const FIRST_BATCH_ROWS = 500;
const MAX_BATCH_ROWS = 5_000;
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Runs one statement over the extended protocol, which takes no second one, and reads its rows in text form until they
 * end or the budget does. Resolves as soon as the last row is there: closing the cursor closes one on every tenant
 * (measured at 10 ms of latency: 180 ms until the rows, 263 ms until all is closed), and nobody needs to wait for that.
 */
export function readRows(
  client: RawClient,
  sql: string,
  values: readonly ParameterValue[],
  budget: ReadBudget,
): Promise<TextRows> {
  return new Promise((resolve, reject) => {
    const cursor = new Cursor<TextRow>(sql, [...values], {
      rowMode: "array",
      types: { getTypeParser: () => textForm },
    });
    const { connection } = client;
    const rows: TextRow[] = [];
    let columns: readonly ResultColumn[] = [];
    let bytes = 0;
    let truncated = false;
    let settled = false;

    const onDescription = (message: RowDescription): void => {
      columns = message.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID }));
    };
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      connection.off("rowDescription", onDescription);
      connection.off("commandComplete", finish);
      return true;
    };
    const finish = (): void => {
      if (settle()) resolve({ columns, rows, truncated });
    };
    const fail = (error: Error): void => {
      if (!settle()) return;
      budget.giveBack(rows.length, bytes);
      reject(error);
    };
    const readOn = (): void => {
      const batch = batchRows(rows.length, bytes, budget.rowsLeft());
      cursor.read(batch, (error, delivered) => {
        if (error) return fail(error);
        if (delivered.length < batch) return finish();
        if (!truncated) return readOn();
        cursor.close(() => undefined);
        return finish();
      });
    };

    connection.on("rowDescription", onDescription);
    connection.on("commandComplete", finish);
    cursor.on("row", (row: TextRow) => {
      if (truncated || settled) return;
      const size = sizeOf(row);
      if (!budget.admit(size)) {
        truncated = true;
        return;
      }
      rows.push(row);
      bytes += size;
    });
    void client.query(cursor);
    readOn();
  });
}

// The budget's last row is followed by one more, so that a result which just fits is not called truncated.
function batchRows(rowsRead: number, bytesRead: number, rowsLeft: number): number {
  const fitting = rowsRead === 0 ? FIRST_BATCH_ROWS : Math.ceil((BATCH_BYTES * rowsRead) / Math.max(bytesRead, 1));
  return Math.max(1, Math.min(fitting, MAX_BATCH_ROWS, rowsLeft + 1));
}

function sizeOf(row: TextRow): number {
  let bytes = 0;
  for (const value of row) if (value !== null) bytes += Buffer.byteLength(value);
  return bytes;
}
