import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/**
 * What a link to a server does:
 * - `pass`: passes everything on;
 * - `refuse`: ends what is connected, and every new connection at once;
 * - `silent`: accepts, and passes nothing on;
 * - `hang`, `drop`: passes so many bytes of the server's on, on each connection, and then nothing, or ends it;
 * - `slow`: passes what the server says on after a delay.
 */
export type LinkMode =
  | { readonly kind: "pass" | "refuse" | "silent" }
  | { readonly kind: "hang" | "drop"; readonly afterBytes: number }
  | { readonly kind: "slow"; readonly delayMs: number };

/** A TCP link that can go wrong. */
export interface FaultyLink {
  /** `url` over the link. */
  readonly through: (url: string) => string;
  readonly become: (mode: LinkMode) => void;
  /** Connections over it. */
  readonly connections: () => number;
  readonly close: () => Promise<void>;
}

interface Connection {
  readonly client: Socket;
  readonly target: Socket;
  /** Bytes that the server has said since the mode changed. */
  bytes: number;
  /** Chunks go on in their order, however long the first is delayed. */
  order: Promise<void>;
}

const address = z.object({ port: z.number() });

/** Listens on 127.0.0.1 in front of the server of `targetUrl`. */
export async function createFaultyLink(targetUrl: string): Promise<FaultyLink> {
  const { hostname, port } = new URL(targetUrl);
  const connections = new Set<Connection>();
  let mode: LinkMode = { kind: "pass" };

  const end = ({ client, target }: Connection): void => {
    client.destroy();
    target.destroy();
  };
  const hold = ({ client, target }: Connection): void => {
    client.pause();
    target.pause();
  };
  const answer = (connection: Connection, chunk: Buffer): void => {
    const { client } = connection;
    const given = mode;
    connection.bytes += chunk.length;
    if ((given.kind === "hang" || given.kind === "drop") && connection.bytes > given.afterBytes) {
      client.write(chunk.subarray(0, Math.max(0, given.afterBytes - (connection.bytes - chunk.length))));
      if (given.kind === "hang") hold(connection);
      // What was written has to arrive: an answer that breaks off is not one that never began.
      else client.end(() => end(connection));
      return;
    }
    const delayMs = given.kind === "slow" ? given.delayMs : 0;
    const arrives = delayMs === 0 ? null : sleep(delayMs, undefined, { ref: false });
    connection.order = connection.order.then(async () => {
      if (arrives !== null) await arrives;
      if (!client.destroyed) client.write(chunk);
    });
  };
  const server = createServer((client) => {
    const target = connect({ host: hostname, port: Number(port) });
    const connection: Connection = { client, target, bytes: 0, order: Promise.resolve() };
    connections.add(connection);
    client.on("data", (chunk) => target.write(chunk));
    target.on("data", (chunk) => answer(connection, chunk));
    for (const [one, other] of [[client, target] as const, [target, client] as const]) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        connections.delete(connection);
        other.destroy();
      });
    }
    if (mode.kind === "refuse") end(connection);
    if (mode.kind === "silent") hold(connection);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: own } = address.parse(server.address());
  return {
    through: (url) => {
      const changed = new URL(url);
      changed.hostname = "127.0.0.1";
      changed.port = String(own);
      return changed.href;
    },
    become(next) {
      mode = next;
      for (const connection of connections) {
        connection.bytes = 0;
        if (next.kind === "refuse") end(connection);
        else if (next.kind === "silent") hold(connection);
        else {
          connection.client.resume();
          connection.target.resume();
        }
      }
    },
    connections: () => connections.size,
    async close() {
      for (const connection of connections) end(connection);
      server.close();
      await once(server, "close");
    },
  };
}
