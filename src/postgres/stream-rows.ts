import type { Buffer } from "node:buffer";
import type { MessageTap } from "./message-tap.ts";
import type { RawClient } from "./raw-client.ts";
import { type Aftermath, readStatement, type StatementOptions } from "./read-statement.ts";

/** Takes the rows of a statement as the server sends them. */
export interface RowSink {
  /** A row as `TakeRow` has it. False when there is no room for it: nothing more of the statement is wanted. */
  take(bytes: Buffer, start: number, end: number): boolean;
  /** A promise when more rows should wait for something; they wait until it resolves. */
  full(): Promise<void> | null;
}

export interface StreamOptions extends StatementOptions {
  readonly sink: RowSink;
  readonly tap: MessageTap;
  /** Stops the statement on the server. */
  readonly interrupt: () => void;
}

/** Rows on their way to a sink; `closed` is the statement's. */
export interface Streaming {
  /** Resolves when the last row is taken: true when the sink took all of them. */
  readonly complete: Promise<boolean>;
  readonly closed: Promise<Aftermath>;
  /** Ends the streaming with the rows that were taken. */
  cut(): void;
  /** Ends the streaming with an error. */
  fail(error: Error): void;
}

/**
 * Gives the rows of a statement (see `readStatement`) to a sink as bytes, past pg, which would make a string of every value. The server sends as
 * fast as the sink takes: while that is full the socket is not read.
 */
export function streamRows(client: RawClient, sql: string, options: StreamOptions): Streaming {
  const { sink, tap, interrupt } = options;
  let truncated = false;
  let over = false;

  tap.takeRows((bytes, start, end) => {
    if (over) return;
    if (!sink.take(bytes, start, end)) {
      interrupt();
      cut();
      return;
    }
    const room = sink.full();
    if (room === null) return;
    tap.pause();
    room.then(tap.resume, tap.resume);
  });
  const reader = {
    columns: () => undefined,
    row: () => undefined,
    batchRows: () => 0,
    lost: () => undefined,
  };
  const { ended, closed, settle, fail } = readStatement(client, sql, reader, options);
  function cut(): void {
    truncated = true;
    over = true;
    settle();
    // A server that waits for its socket to be read does not see that it is cancelled.
    tap.resume();
  }
  const complete = ended
    .finally(() => {
      over = true;
    })
    .then(() => !truncated);
  void closed.then(() => tap.takeRows(null));
  return { complete, closed, cut, fail };
}
