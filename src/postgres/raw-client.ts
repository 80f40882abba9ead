import type pgPromise from "pg-promise";

/** pg's own client, as pg-promise hands it out: the only way to the extended protocol and to a cursor. */
export type RawClient = Awaited<ReturnType<pgPromise.IDatabase<unknown>["connect"]>>["client"];

/** The server's description of a statement's columns. */
export interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}
