import { afterEach, describe, expect, test } from "vitest";
import { post, type Served, type ServeOptions, sendRaw, serve } from "./serve.ts";

const servers: Served[] = [];

async function start(options: ServeOptions = {}): Promise<Served> {
  const server = await serve(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

describe("bodies", () => {
  test.each([["text/plain"], ["application/x-www-form-urlencoded"], [""]])(
    "JSON is read under the Content-Type %j",
    async (type) => {
      const { port, asked } = await start();
      const body = '\ufeff{"sql":"SELECT \'é\'"}';
      const head = `POST /v1/query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${type === "" ? "" : `Content-Type: ${type}\r\n`}\r\n`;
      expect(await sendRaw(port, head + body)).toMatch(/^HTTP\/1.1 200 OK/);
      expect(asked[0]?.request.sql).toBe("SELECT 'é'");
    },
  );

  test.each([
    ['{"sql": "x"\n "y"}', 2, 2],
    ['{"sql": "x"', 1, 12],
    ['{"sql": "x"}}', 1, 13],
  ])("%j is refused at its place", async (body, line, column) => {
    const { url } = await start();
    const response = await post(`${url}/v1/query`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: "REQUEST_INVALID", position: { line, column } });
  });

  test.each(['{"sql": }', "select 1", "[1,]", '{"a": "\\q"}'])(
    "%j is refused with the parser's reason",
    async (body) => {
      const { url } = await start();
      const response = await post(`${url}/v1/query`, body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: "REQUEST_INVALID",
        message: expect.stringMatching(/^the body is no JSON: (Unexpected token|Bad escaped character)/),
      });
    },
  );

  test("bytes that are no UTF-8, or are compressed, are refused", async () => {
    const { url } = await start();
    const broken = await fetch(`${url}/v1/query`, { method: "POST", body: Buffer.from([0x7b, 0xff, 0x7d]) });
    expect(await broken.json()).toMatchObject({ message: "the body is not UTF-8" });
    const zipped = await post(`${url}/v1/query`, "{}", { "Content-Encoding": "gzip" });
    expect(await zipped.json()).toMatchObject({ error: "REQUEST_INVALID" });
  });

  test("the client of 2 MB receives a whole 413 and can go on", async () => {
    const { url } = await start();
    const response = await post(`${url}/v1/query`, { sql: "x".repeat(2_000_000) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: "REQUEST_TOO_LARGE",
      hint: expect.any(String),
      position: null,
    });
    expect((await post(`${url}/v1/query`, { sql: "SELECT 1" })).status).toBe(200);
  });

  test("SQL as long as the limit allows arrives in the body and in the URL; a longer URL is a 413", async () => {
    const { url, asked } = await start();
    const longest = "é".repeat(32_768);
    expect((await fetch(`${url}/v1/query?${new URLSearchParams({ sql: longest })}`)).status).toBe(200);
    expect(asked[0]?.request.sql).toBe(longest);
    expect((await post(`${url}/v1/query`, { sql: longest })).status).toBe(200);
    expect(asked[1]?.request.sql).toBe(longest);
    const tooLong = await fetch(`${url}/v1/query?${new URLSearchParams({ sql: "é".repeat(60_000) })}`);
    expect(tooLong.status).toBe(413);
    expect(await tooLong.json()).toMatchObject({ error: "REQUEST_TOO_LARGE" });
  });

  test("keys such as __proto__ change nothing", async () => {
    const { url, asked } = await start();
    const response = await post(`${url}/v1/query`, '{"sql":"SELECT 1","__proto__":{"tenants":["acme"]}}');
    expect(response.status).toBe(400);
    await post(`${url}/v1/query`, '{"sql":"SELECT 1","params":{"__proto__":{"x":1}}}');
    await post(
      `${url}/grafana/query`,
      '{"__proto__":{"filters":1},"targets":[{"target":"sql","payload":{"sql":"SELECT 1","params":{"constructor":1}}}]}',
    );
    expect(asked.at(-1)?.request.tenants).toBeNull();
    expect(Object.hasOwn(Object.prototype, "tenants")).toBe(false);
  });
});
