import { Buffer } from "node:buffer";
import type { ResultColumn, TextRows } from "../types.ts";
import { inOneWrite, type RawClient, type RowDescription } from "./raw-client.ts";
import type { ReadBudget } from "./read-budget.ts";

/** A value of `$1`, `$2`, …: text, an array of texts, or null. */
export type ParameterValue = string | readonly (string | null)[] | null;

type TextRow = readonly (string | null)[];

// The server sends a batch whole, and a row may have megabytes: the first batch tells how large rows are.
const FIRST_BATCH_ROWS = 8;
const MAX_BATCH_ROWS = 5_000;
const BATCH_BYTES = 4 * 1024 * 1024;
// Later rows may be larger than the first ones: sizes are learnt in steps.
const BATCH_GROWTH = 16;

export interface ReadOptions {
  readonly values: readonly ParameterValue[];
  readonly budget: ReadBudget;
  /** Stops the statement on the server: more of it is on its way than is worth reading. */
  readonly interrupt: () => void;
  /** True when a cancel request was sent for this statement, which may still come and hit the next one. */
  readonly interrupted: () => boolean;
}

/** A statement that reads, in a transaction of its own. */
export interface Reading {
  /** Resolves as soon as the last row is there, before anything is closed. */
  readonly rows: Promise<TextRows>;
  /** Resolves when the server is done with the statement: true when it is rolled back and the session is as it was before. Never rejects. */
  readonly cleaned: Promise<boolean>;
  /** Ends the reading with the rows that are there: a row is too large to be read, and the connection ends. */
  cut(): void;
}

/** The part of pg's connection that reading needs. */
interface ProtocolWriter {
  parse(message: { readonly text: string }): void;
  bind(message: { readonly values?: readonly (string | null)[] }): void;
  describe(message: { readonly type: "P"; readonly name: string }): void;
  execute(message: { readonly rows?: number }): void;
  flush(): void;
  sync(): void;
}

/**
 * Runs one statement read-only over the extended protocol, which takes no second one, and reads its rows in text form until they end or the
 * budget does. Beginning and asking are one write, and so are rolling back and discarding: a lane's statement costs two system calls, of which
 * each takes as long as the rest of it (measured: a cursor between statements of its own made 6, 64 lanes 0.15 ms each). The rows do not wait for
 * the closing, which closes a cursor on every tenant (measured at 10 ms of latency: 180 ms until the rows, 263 ms until all is closed).
 */
export function readRows(client: RawClient, sql: string, options: ReadOptions): Reading {
  const { budget, interrupt, interrupted } = options;
  const rows: TextRow[] = [];
  let columns: readonly ResultColumn[] = [];
  let bytes = 0;
  let batchEnd = 0;
  let begun = false;
  let truncated = false;
  let settled = false;
  let failed = false;
  let cleaning = false;
  let synced = false;
  let [resolve, reject] = [(_rows: TextRows): void => undefined, (_error: Error): void => undefined];
  let onCleaned = (_clean: boolean): void => undefined;
  const outcome = new Promise<TextRows>((onRows, onError) => {
    [resolve, reject] = [onRows, onError];
  });
  const cleaned = new Promise<boolean>((onClean) => {
    onCleaned = onClean;
  });

  const finish = (): void => {
    settled = true;
    resolve({ columns, rows, truncated });
  };
  const cut = (): void => {
    truncated = true;
    finish();
  };
  const executeBatch = (connection: ProtocolWriter): void => {
    const batch = batchRows(rows.length, bytes, budget.rowsLeft());
    batchEnd = rows.length + batch;
    connection.execute({ rows: batch });
    connection.flush();
  };
  const close = (connection: ProtocolWriter): void => {
    cleaning = !interrupted();
    synced = true;
    inOneWrite(client, () => {
      if (cleaning) for (const text of ["ROLLBACK", "DISCARD ALL"]) runText(connection, text);
      connection.sync();
    });
  };

  // The object is what pg's client takes for a query; its methods are the client's callbacks.
  void client.query({
    submit(connection: ProtocolWriter): void {
      inOneWrite(client, () => {
        runText(connection, "BEGIN READ ONLY");
        connection.parse({ text: sql });
        connection.bind({ values: options.values.map(parameterText) });
        connection.describe({ type: "P", name: "" });
        executeBatch(connection);
      });
    },
    handleRowDescription(message: RowDescription): void {
      columns = message.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID }));
    },
    handleDataRow({ fields }: { readonly fields: TextRow }): void {
      // What is left of a batch after a cut still comes, and is dropped.
      if (settled) return;
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
    handlePortalSuspended(connection: ProtocolWriter): void {
      if (settled) close(connection);
      else inOneWrite(client, () => executeBatch(connection));
    },
    handleCommandComplete(_message: unknown, connection: ProtocolWriter): void {
      if (cleaning) return;
      if (begun) {
        if (!settled) finish();
        close(connection);
      }
      begun = true;
    },
    handleEmptyQuery(connection: ProtocolWriter): void {
      finish();
      close(connection);
    },
    handleError(error: Error, connection: ProtocolWriter): void {
      failed = true;
      if (!settled) {
        settled = true;
        budget.giveBack(rows.length, bytes);
        reject(error);
      }
      if (!synced) connection.sync();
      synced = true;
      onCleaned(false);
    },
    handleReadyForQuery: () => onCleaned(cleaning && !failed),
  });
  return { rows: outcome, cleaned, cut };
}

function runText(connection: ProtocolWriter, text: string): void {
  connection.parse({ text });
  connection.bind({});
  connection.execute({});
}

/** A parameter in text form: an array as PostgreSQL reads one. */
function parameterText(value: ParameterValue): string | null {
  if (value === null || typeof value === "string") return value;
  const items = value.map((item) => (item === null ? "NULL" : `"${item.replaceAll(/["\\]/g, "\\$&")}"`));
  return `{${items.join(",")}}`;
}

// The budget's last row is followed by one more, so that a result which just fits is not called truncated.
function batchRows(rowsRead: number, bytesRead: number, rowsLeft: number): number {
  if (rowsRead === 0) return Math.max(1, Math.min(FIRST_BATCH_ROWS, rowsLeft + 1));
  const fitting = Math.ceil((BATCH_BYTES * rowsRead) / Math.max(bytesRead, 1));
  return Math.max(1, Math.min(fitting, rowsRead * BATCH_GROWTH, MAX_BATCH_ROWS, rowsLeft + 1));
}

function sizeOf(row: TextRow): number {
  let bytes = 0;
  for (const value of row) if (value !== null) bytes += Buffer.byteLength(value);
  return bytes;
}
