import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

export interface LoadOptions {
  readonly port: number;
  /** Path and query of a GET request. */
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  /** Of each request, from its first byte to its answer's last. */
  readonly latenciesMs: readonly number[];
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");

/**
 * Sends one request after the other on each of several kept connections. Written on sockets, since Node's own client
 * costs more than the servers that it would measure. Rejects when an answer is not a 200 with a Content-Length.
 */
export async function loadServer({ port, path, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const latenciesMs: number[] = [];
  const started = performance.now();
  const until = started + seconds * 1000;
  await Promise.all(Array.from({ length: connections }, () => runConnection({ port, request, until, latenciesMs })));
  return { requestsPerSecond: latenciesMs.length / ((performance.now() - started) / 1000), latenciesMs };
}

interface Connection {
  readonly port: number;
  readonly request: Buffer;
  readonly until: number;
  readonly latenciesMs: number[];
}

function runConnection({ port, request, until, latenciesMs }: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const answer = createAnswerReader();
    let sentAt = 0;
    let ended = false;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on("connect", send);
    socket.on("data", (chunk) => {
      try {
        if (!answer.isComplete(chunk)) return;
      } catch (error) {
        socket.destroy();
        return reject(error);
      }
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      if (now < until) return send();
      ended = true;
      socket.end();
    });
    socket.on("error", reject);
    socket.on("close", () => (ended ? resolve() : reject(new Error("the server closed a connection"))));
  });
}

/** Follows answers that come one at a time, without keeping their bodies. */
function createAnswerReader(): { isComplete(chunk: Buffer): boolean } {
  let head: Buffer = Buffer.alloc(0);
  let missing = 0;
  return {
    isComplete(chunk) {
      if (missing > 0) missing -= chunk.length;
      else {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const end = head.indexOf(END_OF_HEAD);
        if (end < 0) return false;
        missing = bodyBytes(head.toString("latin1", 0, end)) + end + END_OF_HEAD.length - head.length;
        head = Buffer.alloc(0);
      }
      return missing <= 0;
    },
  };
}

function bodyBytes(head: string): number {
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (!head.startsWith("HTTP/1.1 200 ") || length === undefined) throw new Error(`unexpected answer: ${head}`);
  return Number(length);
}
