import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { z } from "zod";

/** A TCP proxy that can fall silent: it goes on accepting, and passes nothing on any more. */
export interface FreezableProxy {
  /** `url` through the proxy. */
  readonly through: (url: string) => string;
  readonly freeze: () => void;
  /** Passes on again what is connected, and what connects from now on. */
  readonly thaw: () => void;
  readonly close: () => Promise<void>;
}

const address = z.object({ port: z.number() });

/** Listens on 127.0.0.1 in front of the server of `targetUrl`. */
export async function createFreezableProxy(targetUrl: string): Promise<FreezableProxy> {
  const { hostname, port } = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((client) => {
    const target = connect({ host: hostname, port: Number(port) });
    for (const [from, to] of [[client, target] as const, [target, client] as const]) {
      sockets.add(from);
      from.on("data", (chunk) => to.write(chunk));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (frozen) from.pause();
    }
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
    freeze: () => {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
