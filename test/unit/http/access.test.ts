import { afterEach, describe, expect, test } from "vitest";
import { post, type Served, type ServeOptions, sendRaw, serve, TOKENS } from "./serve.ts";

const servers: Served[] = [];

async function start(options: ServeOptions = {}): Promise<Served> {
  const server = await serve(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describe("who may ask", () => {
  test("without tokens only loopback is listened on", async () => {
    await expect(serve({ config: { server: { host: "0.0.0.0", port: 0 } } })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  test("a token's selector that cannot be read is a mistake in the settings", async () => {
    const tokens = [{ name: "x", sha256: "0".repeat(64), tenants: "plan==" }];
    await expect(serve({ config: { auth: { tokens } } })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test.each(["evil.example", "127.0.0.1.evil.example:8080", "[::2]", "", "localhost@evil.example"])(
    "without tokens the host %j is refused",
    async (host) => {
      const { port } = await start();
      expect(await sendRaw(port, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1.1 403 /,
      );
    },
  );

  test.each(["localhost", "LOCALHOST:3000", "127.8.9.10:1", "[::1]:80", "a.localhost"])(
    "without tokens the host %j is served",
    async (host) => {
      const { port } = await start();
      expect(await sendRaw(port, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1.1 200 /,
      );
    },
  );

  test("without tokens another site's page is refused, and two hosts always", async () => {
    const { url, port } = await start();
    expect((await post(`${url}/v1/query`, { sql: "SELECT 1" }, { Origin: "https://evil.example" })).status).toBe(403);
    expect((await post(`${url}/v1/query`, { sql: "SELECT 1" }, { Origin: "http://localhost:3000" })).status).toBe(200);
    expect((await post(`${url}/v1/query`, { sql: "SELECT 1" }, { "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
    expect((await post(`${url}/v1/query`, { sql: "SELECT 1" }, { "Sec-Fetch-Site": "same-origin" })).status).toBe(200);
    expect(
      await sendRaw(port, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ).toMatch(/^HTTP\/1.1 400 /);
  });

  test("with tokens each route but the open ones needs one, and 401 is never said", async () => {
    const { url, observed } = await start({ config: { auth: TOKENS } });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/healthz`, { headers: bearer("wrong") })).status).toBe(200);
    for (const path of ["/", "/v1/tenants", "/v1/queries", "/v1/openapi.json", "/metrics", "/grafana"]) {
      for (const headers of [{}, bearer("wrong"), { Authorization: "Basic YTpi" }]) {
        const response = await fetch(url + path, { headers });
        expect(response.status).toBe(403);
        expect(await response.json()).toMatchObject({ error: "TOKEN_REFUSED" });
      }
      expect((await fetch(url + path, { headers: bearer("all") })).status).toBe(200);
    }
    expect(observed).toContainEqual(
      expect.objectContaining({ kind: "http.request", route: "/v1/tenants", status: 200, principal: "everyone" }),
    );
  });

  test("two tokens are refused, whichever comes first", async () => {
    const { port } = await start({ config: { auth: TOKENS } });
    for (const [one, two] of [
      ["all", "pro"],
      ["pro", "all"],
      ["all", "all"],
    ]) {
      const reply = await sendRaw(
        port,
        `GET /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${one}\r\nauthorization: Bearer ${two}\r\nConnection: close\r\n\r\n`,
      );
      expect(reply).toMatch(/^HTTP\/1.1 403 the request has two Authorization headers\r\n/);
    }
  });

  test("a token sees its tenants only, and the metrics only when it sees all", async () => {
    const { url, asked } = await start({ config: { auth: TOKENS } });
    const listed = await (await fetch(`${url}/v1/tenants`, { headers: bearer("pro") })).json();
    expect(listed).toMatchObject([{ tenant: "acme" }, { tenant: "initech" }]);
    expect((await fetch(`${url}/metrics`, { headers: bearer("pro") })).status).toBe(403);
    await post(`${url}/v1/query`, { sql: "SELECT 1" }, bearer("pro"));
    expect(asked[0]?.principal.name).toBe("pro-team");
    expect(asked[0]?.principal.mayRead({ name: "globex", labels: { plan: "free" } })).toBe(false);
  });

  test("an open front page shows no tenants without a token", async () => {
    const { url } = await start({ config: { auth: { ...TOKENS, open: ["/", "/metrics"] } } });
    expect(await (await fetch(url)).json()).toMatchObject({ fleet: { tenants: [] } });
    expect(await (await fetch(`${url}/metrics`)).text()).toBe("up 1\n");
    expect((await fetch(`${url}/healthz`)).status).toBe(403);
  });

  test.each([
    "//v1//tenants",
    "/v1/tenants/",
    "///v1/tenants//",
    "//healthz/..//v1/tenants",
    "/healthz/../v1/tenants",
    "/%761/tenants",
    "/V1/tenants",
    "/healthz;/../../v1/tenants",
  ])("the path %s does not go around the token", async (path) => {
    const { port } = await start({ config: { auth: TOKENS } });
    expect(await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 (403|404) /,
    );
  });

  test("doubled and trailing slashes are accepted without a redirect", async () => {
    const { url, port } = await start();
    expect((await post(`${url}//grafana//query/`, { targets: [] })).status).toBe(200);
    expect((await fetch(`${url}/grafana/`)).status).toBe(200);
    expect(
      await sendRaw(port, "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ).toMatch(/^HTTP\/1.1 200/);
    expect(
      await sendRaw(port, "GET http://localhost HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ).toMatch(/^HTTP\/1.1 200/);
  });
});
