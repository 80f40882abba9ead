import { Socket } from "node:net";
import type pgPromise from "pg-promise";

/** pg's own client, as pg-promise hands it out: the only way to the extended protocol and to a cursor. */
export type RawClient = Awaited<ReturnType<pgPromise.IDatabase<unknown>["connect"]>>["client"];

/** The socket of a client that is connected. */
export function socketOf({ connection: { stream } }: RawClient): Socket {
  if (!(stream instanceof Socket)) throw new TypeError("the client has no socket");
  return stream;
}

/** Sends what `send` writes to the server in one system call; pg makes one of each message. */
export function inOneWrite(client: RawClient, send: () => void): void {
  const socket = socketOf(client);
  socket.cork();
  try {
    send();
  } finally {
    socket.uncork();
  }
}

/** The server's description of a statement's columns. */
export interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}
