import type { ResultColumn } from "../types.ts";
import { inOneWrite, type RawClient, type RowDescription } from "./raw-client.ts";

/** A value of `$1`, `$2`, …: text, an array of texts, or null. */
export type ParameterValue = string | readonly (string | null)[] | null;

/** Values of a row in PostgreSQL's text form. */
export type TextRow = readonly (string | null)[];

export interface StatementOptions {
  readonly values: readonly ParameterValue[];
  /** True when a cancel request was sent for this statement, which may still come and hit the next one. */
  readonly interrupted: () => boolean;
  /** Statements that its transaction has had; it begins one when there were none. */
  readonly earlier: number;
  /** When a statement that ended well may be closed, and what becomes of its transaction then. */
  readonly mayClose: Promise<Closing>;
}

/** A transaction that is kept takes another statement. */
export type Closing = "roll back" | "keep transaction";

/** How a statement left its session: `clean` is as it was before, `open` in a transaction that takes another statement. */
export type Aftermath = "clean" | "open" | "unclean";

/** Where a statement's columns and rows go. */
export interface StatementReader {
  columns(columns: readonly ResultColumn[]): void;
  /** A row that pg has read; what is left of a batch after `settle` is not given. */
  row(fields: TextRow): void;
  /** Rows to ask for next; 0 for all. */
  batchRows(): number;
  /** The statement failed: the rows so far are nobody's. */
  lost(): void;
}

/** A statement that reads. */
export interface StatementReading {
  /** Resolves as soon as the last row is there, before anything is closed, or when it was settled. Rejects with the server's error. */
  readonly ended: Promise<void>;
  /** Resolves when the server is done with the statement. Never rejects. */
  readonly closed: Promise<Aftermath>;
  /** Ends the reading with the rows that are there. */
  settle(): void;
  /** Ends the reading with an error; the rows so far are nobody's. */
  fail(error: Error): void;
}

/** The part of pg's connection that reading needs. */
interface ProtocolWriter {
  parse(message: { readonly text: string }): void;
  bind(message: { readonly portal?: string; readonly values?: readonly (string | null)[] }): void;
  describe(message: { readonly type: "P"; readonly name: string }): void;
  execute(message: { readonly portal?: string; readonly rows?: number }): void;
  flush(): void;
  sync(): void;
}

/**
 * Runs one statement read-only over the extended protocol, which takes no second one, with its values in text form. Beginning and asking are one
 * write, and so are rolling back and discarding: a lane's statement costs two system calls, of which each takes as long as the rest of it
 * (measured: a cursor between statements of its own made 6, 64 lanes 0.15 ms each). The rows do not wait for the closing, which ends a transaction on
 * every tenant.
 */
export function readStatement(
  client: RawClient,
  sql: string,
  reader: StatementReader,
  { values, interrupted, earlier, mayClose }: StatementOptions,
): StatementReading {
  // An unnamed portal is closed by the next statement, which would close its cursors on the tenants one after the other; the end of a transaction
  // closes a named one without (measured, two tenants at 50 ms of latency: 52 ms instead of 154).
  const portal = `rows_${earlier}`;
  let begun = earlier > 0;
  let settled = false;
  let failed = false;
  let aftermath: Aftermath = "unclean";
  let synced = false;
  let [resolve, reject] = [(): void => undefined, (_error: Error): void => undefined];
  let onClosed = (_aftermath: Aftermath): void => undefined;
  const ended = new Promise<void>((onRows, onError) => {
    [resolve, reject] = [onRows, onError];
  });
  const closed = new Promise<Aftermath>((onEnd) => {
    onClosed = onEnd;
  });

  const settle = (): void => {
    settled = true;
    resolve();
  };
  const fail = (error: Error): void => {
    failed = true;
    if (settled) return;
    settled = true;
    reader.lost();
    reject(error);
  };
  const executeBatch = (connection: ProtocolWriter): void => {
    connection.execute({ portal, rows: reader.batchRows() });
    connection.flush();
  };
  const close = (connection: ProtocolWriter, closing: Closing): void => {
    // The session failed while the closing waited.
    if (synced) return;
    if (!interrupted()) aftermath = closing === "roll back" ? "clean" : "open";
    synced = true;
    inOneWrite(client, () => {
      if (aftermath === "clean") for (const text of ["ROLLBACK", "DISCARD ALL"]) runText(connection, text);
      connection.sync();
    });
  };

  // The object is what pg's client takes for a query; its methods are the client's callbacks.
  void client.query({
    submit(connection: ProtocolWriter): void {
      inOneWrite(client, () => {
        if (!begun) runText(connection, "BEGIN READ ONLY");
        connection.parse({ text: sql });
        connection.bind({ portal, values: values.map(parameterText) });
        connection.describe({ type: "P", name: portal });
        executeBatch(connection);
      });
    },
    handleRowDescription(message: RowDescription): void {
      reader.columns(message.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID })));
    },
    handleDataRow({ fields }: { readonly fields: TextRow }): void {
      if (!settled) reader.row(fields);
    },
    handlePortalSuspended(connection: ProtocolWriter): void {
      if (settled) close(connection, "roll back");
      else inOneWrite(client, () => executeBatch(connection));
    },
    handleCommandComplete(_message: unknown, connection: ProtocolWriter): void {
      if (synced) return;
      if (begun) {
        if (!settled) settle();
        void mayClose.then((closing) => close(connection, closing));
      }
      begun = true;
    },
    handleEmptyQuery(connection: ProtocolWriter): void {
      settle();
      close(connection, "roll back");
    },
    handleError(error: Error, connection: ProtocolWriter): void {
      fail(error);
      if (!synced) connection.sync();
      synced = true;
      onClosed("unclean");
    },
    handleReadyForQuery: () => onClosed(failed ? "unclean" : aftermath),
  });
  return { ended, closed, settle, fail };
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
