import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { createDelayProxy } from "../../../src/demo/delay-proxy.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server for one test, and a proxy before it. */
async function withLink(delayMs: number, onConnection: (socket: Socket) => void): Promise<{ port: number }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await createDelayProxy({ targetHost: "127.0.0.1", targetPort: portOf(server), delayMs });
  closers.push(() => new Promise((resolve) => server.close(resolve)), proxy.close);
  return proxy;
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

function dial(port: number): Socket {
  return connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
}

test("every byte arrives once and in order, on many connections at once, after a half-close", async () => {
  const { port } = await withLink(2, (socket) => socket.pipe(socket));
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { maxLength: 8 });
  const property = fc.asyncProperty(fc.array(chunks, { minLength: 1, maxLength: 6 }), async (connections) => {
    const echoes = connections.map(async (sent) => {
      const socket = dial(port);
      for (const chunk of sent) socket.write(chunk);
      socket.end();
      expect(await buffer(socket)).toEqual(Buffer.concat(sent));
    });
    await Promise.all(echoes);
  });
  // A failure prints the seed and the smallest counterexample.
  await fc.assert(property, { numRuns: 60 });
});

test("a reader that stops holds the sender back, and gets everything when it goes on", async () => {
  const connections: Socket[] = [];
  const { port } = await withLink(1, (socket) => connections.push(socket.pause()));
  // More than the proxy and the kernel's buffers of both connections hold together (up to 10 MB a connection).
  const sent = randomBytes(48 * 1024 * 1024);
  const socket = dial(port);
  let accepted = 0;
  const sending = (async () => {
    for (let start = 0; start < sent.length; start += 65_536) {
      if (!socket.write(sent.subarray(start, start + 65_536))) await once(socket, "drain");
      accepted += 65_536;
    }
    socket.end();
  })();
  for (let before = -1; accepted > before; await sleep(150)) before = accepted;
  expect(accepted).toBeLessThan(sent.length);

  const [reader] = connections;
  expect(reader).toBeDefined();
  const received = reader === undefined ? Buffer.alloc(0) : await buffer(reader);
  await sending;
  expect(received.equals(sent)).toBe(true);
});

test("a round trip takes twice the delay, and requests sent together travel together", async () => {
  const delayMs = 40;
  const { port } = await withLink(delayMs, (socket) => socket.pipe(socket));
  const socket = dial(port);
  await once(socket, "connect");
  const begin = performance.now();
  for (let n = 0; n < 10; n++) {
    socket.write("x");
    await sleep(2);
  }
  socket.end();
  expect(String(await buffer(socket))).toBe("xxxxxxxxxx");
  const tookMs = performance.now() - begin;
  expect(tookMs).toBeGreaterThanOrEqual(2 * delayMs);
  expect(tookMs).toBeLessThan(10 * delayMs);
});

test("a target that is not there breaks the client's connection", async () => {
  const proxy = await createDelayProxy({ targetHost: "127.0.0.1", targetPort: 1, delayMs: 1 });
  closers.push(proxy.close);
  await expect(buffer(dial(proxy.port))).rejects.toThrow("ECONNRESET");
});

test("close cuts open connections and frees the port", async () => {
  const { port } = await withLink(1, (socket) => socket.pipe(socket));
  const socket = dial(port);
  await once(socket, "connect");
  const received = buffer(socket);
  await closers.pop()?.();
  expect(await received).toHaveLength(0);
  const again = dial(port);
  await expect(once(again, "connect")).rejects.toThrow("ECONNREFUSED");
});
