import type { ResultColumn } from "../types.ts";
import { inOneWrite, type RawClient, type RowDescription } from "./raw-client.ts";

/** The part of pg's connection that describing needs. */
interface ProtocolWriter {
  parse(message: { readonly text: string }): void;
  describe(message: { readonly type: "S"; readonly name: string }): void;
  sync(): void;
}

/**
 * The columns that a statement would give: it is parsed and described by the server, not run. No tenant is contacted.
 * The object is what pg's client takes for a query; its methods are the client's callbacks.
 */
export function describeStatement(client: RawClient, sql: string): Promise<readonly ResultColumn[]> {
  return new Promise((resolve, reject) => {
    let columns: readonly ResultColumn[] = [];
    void client.query({
      submit(connection: ProtocolWriter): void {
        inOneWrite(client, () => {
          connection.parse({ text: sql });
          connection.describe({ type: "S", name: "" });
          connection.sync();
        });
      },
      handleRowDescription(message: RowDescription): void {
        columns = message.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID }));
      },
      handleReadyForQuery: () => resolve(columns),
      handleError: reject,
    });
  });
}
