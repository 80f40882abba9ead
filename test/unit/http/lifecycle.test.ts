import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { answer, type Served, type ServeOptions, serve } from "./serve.ts";

const servers: Served[] = [];

async function start(options: ServeOptions = {}): Promise<Served> {
  const server = await serve(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

describe("load and the end", () => {
  test("a client that leaves aborts its query", async () => {
    const { url, asked, observed } = await start({
      run: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const client = new AbortController();
    const request = fetch(`${url}/v1/query?sql=1`, { signal: client.signal }).catch(() => {});
    await expect.poll(() => asked.length).toBe(1);
    client.abort();
    await request;
    await expect.poll(() => asked[0]?.signal.aborted).toBe(true);
    await expect
      .poll(() => observed.find((observation) => observation.kind === "http.request"))
      .toMatchObject({ status: 499, route: "/v1/query" });
    expect(observed.some((observation) => observation.kind === "http.error")).toBe(false);
  });

  test("closing waits for what runs, refuses what comes on open connections, and ends them", async () => {
    let release = () => {};
    const server = await serve({
      run: () =>
        new Promise((resolve) => {
          release = () => resolve(answer("[1]"));
        }),
    });
    const running = fetch(`${server.url}/v1/query?sql=1`);
    await expect.poll(() => server.asked.length).toBe(1);
    // A kept-alive connection: one request before the end, one after it has begun.
    const socket = connect(server.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString();
    });
    const ended = new Promise((resolve) => socket.on("close", resolve));
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await expect.poll(() => received).toContain('{"status":"ok"}');
    const closed = server.close(5_000);
    expect(server.observed).toContainEqual({ kind: "server.stopping", graceMs: 5_000 });
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await ended;
    expect(received).toMatch(/HTTP\/1.1 503 the server is stopping\r\n(.*\r\n)*Connection: close/);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    release();
    expect((await running).status).toBe(200);
    await closed;
  });

  test("what runs on after the grace is aborted and answered", async () => {
    const server = await serve({ run: () => new Promise(() => {}) });
    const running = fetch(`${server.url}/v1/query?sql=1`);
    await expect.poll(() => server.asked.length).toBe(1);
    await server.close(50);
    const response = await running;
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(server.asked[0]?.signal.aborted).toBe(true);
  });
});
