import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** A TCP proxy on 127.0.0.1 that plays a slow link. */
export interface DelayProxy {
  readonly port: number;
  /** Stops listening and cuts what is connected. */
  close(): Promise<void>;
}

export interface DelayProxyOptions {
  readonly targetHost: string;
  readonly targetPort: number;
  /** Delay of every byte, each way; a round trip takes twice as long. */
  readonly delayMs: number;
  /** A free port when absent. */
  readonly port?: number;
}

/** What the link holds before it stops reading: enough that throughput is bounded by the delay of no realistic window. */
const MAX_BYTES_ON_THE_WAY = 4 * 1024 * 1024;

/**
 * Listens, and passes every connection on to the target. Each byte arrives `delayMs` after it was sent, in order; many
 * are on the way at once, so the link is long, not narrow. The end of one direction leaves the other open. The TCP
 * handshake itself is not delayed.
 */
export async function createDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ host: options.targetHost, port: options.targetPort, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [[client, target] as const, [target, client] as const]) {
      sockets.add(from);
      delay(from, to, options.delayMs);
      // A broken connection, unlike one that ended, takes its other half down at once, and shows there as broken too.
      from.on("error", () => to.resetAndDestroy());
      from.on("close", () => sockets.delete(from));
    }
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has an address with a port");
  return {
    port: address.port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Writes to `to` whatever `from` says, its end included, `delayMs` later. */
function delay(from: Socket, to: Socket, delayMs: number): void {
  const waiting: { readonly chunk: Buffer | null; readonly dueMs: number }[] = [];
  let bytesWaiting = 0;
  let timer: NodeJS.Timeout | undefined;

  const accept = (chunk: Buffer | null): void => {
    waiting.push({ chunk, dueMs: performance.now() + delayMs });
    bytesWaiting += chunk?.length ?? 0;
    if (bytesWaiting >= MAX_BYTES_ON_THE_WAY) from.pause();
    if (waiting.length === 1) release();
  };

  const release = (): void => {
    clearTimeout(timer);
    for (let next = waiting[0]; next !== undefined && to.writable; next = waiting[0]) {
      // A reader that is slower than the link: its `drain` brings us back here.
      if (to.writableNeedDrain) return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(release, Math.ceil(waitMs));
        return;
      }
      waiting.shift();
      bytesWaiting -= next.chunk?.length ?? 0;
      if (next.chunk === null) to.end();
      else to.write(next.chunk);
      if (bytesWaiting < MAX_BYTES_ON_THE_WAY && from.isPaused()) from.resume();
    }
  };

  from.on("data", accept);
  from.on("end", () => accept(null));
  to.on("drain", release);
  to.on("close", () => clearTimeout(timer));
}
