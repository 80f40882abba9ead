import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import type { StreamedAnswer } from "../../../src/types.ts";
import { answer, type Served, type ServeOptions, serve } from "./serve.ts";

const servers: Served[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

async function start(options: ServeOptions): Promise<Served> {
  const server = await serve(options);
  servers.push(server);
  return server;
}

/** A streamed answer of these chunks, which tells when it is closed. */
function streamOf(
  chunks: () => AsyncGenerator<Buffer, void, undefined>,
): StreamedAnswer & { readonly closed: () => number } {
  let closed = 0;
  return {
    contentType: "application/x-ndjson; charset=utf-8",
    expected: 7,
    chunks: chunks(),
    coverage: () => null,
    timings: new Map([["plan", 1.5]]),
    closed: () => closed,
    async close() {
      closed += 1;
    },
  };
}

/** One buffer, used for every chunk, as the spool does. */
async function* reused(texts: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.alloc(1_000);
  for (const text of texts) yield buffer.subarray(0, buffer.write(text));
}

const NDJSON = "/v1/query?format=ndjson&sql=SELECT%201";
const LINES = Array.from({ length: 500 }, (_, n) => `{"n":${n}}\n`);

/** What came over the wire until the server ended the connection. */
async function raw(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.write(`${request}\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n`);
  await once(socket, "close");
  return text;
}

describe("a streamed answer", () => {
  test.each(["identity", "gzip"])("arrives whole and says what is known at its beginning (%s)", async (encoding) => {
    const streamed = streamOf(() => reused(LINES));
    const { url, asked, observed } = await start({ stream: async () => streamed });
    const response = await fetch(`${url}${NDJSON}`, { headers: { "accept-encoding": encoding } });
    expect(await response.text()).toBe(LINES.join(""));
    expect(response.headers.get("content-encoding")).toBe(encoding === "gzip" ? "gzip" : null);
    expect(response.headers.get("x-tenants-expected")).toBe("7");
    expect(response.headers.get("x-cache")).toBe("miss");
    expect(response.headers.get("server-timing")).toContain("plan;dur=1.50");
    expect(response.headers.has("x-tenants-answered")).toBe(false);
    expect(asked[0]?.request.format).toBe("ndjson");
    await expect.poll(streamed.closed).toBe(1);
    await expect
      .poll(() => observed.find(({ kind }) => kind === "http.request"))
      .toMatchObject({ status: 200, bytes: LINES.join("").length });
  });

  test("that was made in one piece says in its headers how many tenants it has", async () => {
    const { url } = await start({ stream: async () => answer('{"n":1}\n') });
    const response = await fetch(`${url}${NDJSON}`);
    expect([response.status, await response.text()]).toEqual([200, '{"n":1}\n']);
    expect(response.headers.get("content-length")).toBe("8");
    const counts = ["expected", "answered", "failed"].map((name) => response.headers.get(`x-tenants-${name}`));
    expect(counts).toEqual(["3", "2", "1"]);
  });

  test.each(["", "Accept-Encoding: gzip"])(
    "that breaks off has the error as its last line, and no end (%s)",
    async (header) => {
      const broken = () =>
        streamOf(async function* () {
          yield Buffer.from('{"n":1}\n');
          throw new AppError("FEDERATION_UNAVAILABLE", "the federation database is gone", { hint: "ask again" });
        });
      const streamed = broken();
      const answers = [streamed];
      const { url, observed } = await start({ stream: async () => answers.pop() ?? broken() });
      const text = await raw(url, `GET ${NDJSON} HTTP/1.1${header === "" ? "" : `\r\n${header}`}`);
      expect(text.startsWith("HTTP/1.1 200 OK\r\n")).toBe(true);
      expect(text.endsWith("\r\n0\r\n\r\n")).toBe(false);
      if (header === "")
        expect(text).toContain(
          '{"n":1}\n\r\n' +
            '7c\r\n{"error":{"message":"the federation database is gone","error":"FEDERATION_UNAVAILABLE","hint":"ask again","position":null}}\n',
        );
      expect(observed.find(({ kind }) => kind === "http.error")).toMatchObject({
        error: { code: "FEDERATION_UNAVAILABLE" },
      });
      await expect.poll(streamed.closed).toBe(1);
      await expect.poll(() => observed.find(({ kind }) => kind === "http.request")).toMatchObject({ status: 503 });
      await expect(fetch(`${url}${NDJSON}`).then((response) => response.text())).rejects.toThrow();
    },
  );

  test("hides what an internal error says", async () => {
    const streamed = streamOf(async function* () {
      yield Buffer.from("{}\n");
      throw new Error("ENOSPC: no space left on device, write '/secret/place'");
    });
    const { url } = await start({ stream: async () => streamed });
    const text = await raw(url, `GET ${NDJSON} HTTP/1.1`);
    expect(text).toContain('"error":"INTERNAL"');
    expect(text).not.toContain("secret");
  });

  test("is closed when the client leaves in the middle, and when it asked for the head only", async () => {
    const endless = streamOf(async function* () {
      for (;;) yield Buffer.alloc(64 * 1024, "x");
    });
    const { url, observed } = await start({ stream: async () => endless });
    const client = new AbortController();
    const response = await fetch(`${url}${NDJSON}`, { signal: client.signal });
    expect(response.status).toBe(200);
    client.abort();
    await expect.poll(endless.closed).toBe(1);
    await expect.poll(() => observed.find(({ kind }) => kind === "http.request")).toMatchObject({ status: 499 });
    expect(observed.some(({ kind }) => kind === "http.error")).toBe(false);

    const unread = streamOf(() => reused(LINES));
    const second = await start({ stream: async () => unread });
    const head = await fetch(`${second.url}${NDJSON}`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    await expect.poll(unread.closed).toBe(1);
  });

  test("is closed when it begins after its client has left", async () => {
    const late = streamOf(() => reused(LINES));
    let asked = 0;
    const { url } = await start({
      stream: ({ signal }) =>
        new Promise((resolve) => {
          asked += 1;
          signal.addEventListener("abort", () => setTimeout(resolve, 20, late));
        }),
    });
    const client = new AbortController();
    const response = fetch(`${url}${NDJSON}`, { signal: client.signal });
    await expect.poll(() => asked).toBe(1);
    client.abort();
    await expect(response).rejects.toThrow();
    await expect.poll(late.closed).toBe(1);
  });

  test.each(["identity", "gzip"])(
    "is closed when the client leaves while the next chunk is waited for (%s)",
    async (encoding) => {
      let onLeft = (): void => undefined;
      const left = new Promise<void>((resolve) => {
        onLeft = resolve;
      });
      const slow = streamOf(async function* () {
        yield randomBytes(64 * 1024);
        await left;
        for (;;) yield randomBytes(64 * 1024);
      });
      const { url, observed } = await start({ stream: async () => slow });
      const client = new AbortController();
      const response = await fetch(`${url}${NDJSON}`, {
        signal: client.signal,
        headers: { "accept-encoding": encoding },
      });
      await response.body?.getReader().read();
      client.abort();
      await expect.poll(() => observed.some(({ kind }) => kind === "http.request")).toBe(true);
      onLeft();
      await expect.poll(slow.closed).toBe(1);
    },
  );

  test("is closed when it waits behind another one on a connection that ends", async () => {
    const endless = () =>
      streamOf(async function* () {
        for (;;) yield Buffer.alloc(64 * 1024, "x");
      });
    const streams = Array.from({ length: 12 }, endless);
    let next = 0;
    const server = await start({ stream: async () => streams[next++] ?? endless() });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).pause();
    socket.on("error", () => undefined);
    socket.write(`GET ${NDJSON} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(12));
    await expect.poll(() => server.asked.length).toBe(12);
    socket.destroy();
    await expect.poll(() => streams.map((one) => one.closed())).toEqual(streams.map(() => 1));
    await expect.poll(() => server.observed.filter(({ kind }) => kind === "http.request")).toHaveLength(12);
  });

  test("is cut off, not ended, by a server that stops", async () => {
    const endless = streamOf(async function* () {
      for (;;) yield Buffer.alloc(64 * 1024, "x");
    });
    const server = await serve({ stream: async () => endless });
    const response = await fetch(`${server.url}${NDJSON}`);
    await server.close(50);
    await expect(response.text()).rejects.toThrow();
    expect(endless.closed()).toBe(1);
  });
});
