import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Answer } from "../../../src/types.ts";
import { type Asked, answer, NOW_MS, post, type Served, serve, TOKENS } from "./serve.ts";

let server: Served;
let run: (asked: Asked) => Promise<Answer>;

beforeAll(async () => {
  server = await serve({ run: (asked) => run(asked) });
});
afterAll(() => server.close(0));
beforeEach(() => {
  run = async () => answer("[]");
});

const asked = () => server.asked.at(-1)?.request;
const fetchJson = async (path: string) => (await fetch(server.url + path)).json();
const postJson = async (path: string, body: unknown) => (await post(server.url + path, body)).json();

const operation = z.looseObject({ parameters: z.array(z.unknown()) });
const openApi = z.object({ openapi: z.string(), paths: z.record(z.string(), z.record(z.string(), operation)) });
const frontPage = z.object({ routes: z.array(z.object({ method: z.string(), path: z.string() })) });

describe("/v1", () => {
  test("POST /v1/query takes everything from the body", async () => {
    await post(`${server.url}/v1/query`, {
      sql: "SELECT 1",
      from: 1763820000000,
      to: "2025-11-22T15:00:00Z",
      intervalMs: 20_000,
      tenants: "{acme,globex}",
      format: "csv",
      partial: "95%",
      require: ["acme"],
      timeout: "2s",
      stale: "10m",
      params: { n: 3 },
    });
    expect(asked()).toEqual({
      sql: "SELECT 1",
      queryName: null,
      range: { fromMs: 1763820000000, toMs: 1763823600000 },
      intervalMs: 20_000,
      tenants: ["acme", "globex"],
      format: "csv",
      partial: { percent: 95 },
      required: ["acme"],
      staleMs: 600_000,
      params: new Map([["n", { type: "integer", value: 3 }]]),
      cacheTtlMs: 10_000,
      deadlineMs: 2_000,
      priority: "interactive",
    });
  });

  test("absent, everything has its default", async () => {
    await post(`${server.url}/v1/query`, { sql: "SELECT 1" });
    expect(asked()).toMatchObject({
      range: { fromMs: NOW_MS - 3_600_000, toMs: NOW_MS },
      intervalMs: 60_000,
      tenants: null,
      format: "rows",
      partial: "allow",
      required: [],
      staleMs: 0,
      deadlineMs: 30_000,
    });
  });

  test("a timeout is a duration or seconds, and never longer than the settings allow", async () => {
    for (const [timeout, deadlineMs] of [
      ["500ms", 500],
      ["1.5", 1_500],
      ["2m", 30_000],
      ["", 30_000],
    ] as const) {
      await fetch(`${server.url}/v1/query?sql=SELECT+1&timeout=${timeout}`);
      expect(asked()?.deadlineMs, timeout).toBe(deadlineMs);
    }
  });

  test("required tenants are named as tenants are; all of them are not a name", async () => {
    await fetch(`${server.url}/v1/query?sql=SELECT+1&require=acme,globex&require=(b|c)`);
    expect(asked()?.required).toEqual(["acme", "globex", "b", "c"]);
    await fetch(`${server.url}/v1/query?sql=SELECT+1&require=`);
    expect(asked()?.required).toEqual([]);
    await fetch(`${server.url}/v1/queries/staleness`);
    expect(asked()?.required).toEqual(["acme"]);
    for (const path of ["/v1/query?sql=SELECT+1&require=*", "/v1/query?sql=SELECT+1&require=a&require=$__all"])
      expect(await fetchJson(path)).toMatchObject({
        error: "REQUEST_INVALID",
        hint: "name tenants, or write partial=fail to require all of them",
      });
  });

  test("GET /v1/query is the same in the URL; of a repeated parameter the first counts, tenants add up", async () => {
    await fetch(
      `${server.url}/v1/query?sql=SELECT+1&from=now-6h&tenants=acme&tenants=(b|c)&format=table&format=rows&partial=95%&param.n=3`,
    );
    expect(asked()).toMatchObject({
      sql: "SELECT 1",
      range: { fromMs: NOW_MS - 6 * 3_600_000 },
      tenants: ["acme", "b", "c"],
      format: "table",
      partial: { percent: 95 },
      params: new Map([["n", { type: "text", value: "3" }]]),
    });
  });

  test("GET /v1/queries/{name} fills in the query's own settings and parameters", async () => {
    await fetch(`${server.url}/v1/queries/staleness?param.limit=25&maxDataPoints=100`);
    expect(asked()).toMatchObject({
      queryName: "staleness",
      intervalMs: 60_000,
      partial: { percent: 90 },
      params: new Map<string, unknown>([
        ["limit", { type: "integer", value: 25 }],
        ["plan", { type: "text", value: "pro" }],
      ]),
    });
  });

  test.each([
    ["/v1/query", "REQUEST_INVALID", 400],
    ["/v1/query?sql=", "REQUEST_INVALID", 400],
    ["/v1/query?sql=SELECT+1&partal=fail", "REQUEST_INVALID", 400],
    ["/v1/query?sql=SELECT+1&format=xml", "REQUEST_INVALID", 400],
    ["/v1/query?sql=SELECT+1&timeout=soon", "REQUEST_INVALID", 400],
    ["/v1/query?sql=SELECT+1&timeout=0", "REQUEST_INVALID", 400],
    ["/v1/query?sql=SELECT+1&from=now&to=now-1h", "REQUEST_INVALID", 400],
    ["/v1/queries/stalenes?param.x=1", "QUERY_UNKNOWN", 404],
    ["/v1/queries/constructor", "QUERY_UNKNOWN", 404],
    ["/v1/queries/staleness?sql=SELECT+1", "REQUEST_INVALID", 400],
    ["/v1/queries/staleness?query=other", "REQUEST_INVALID", 400],
    ["/v1/queries/staleness?param.limit=x", "PARAM_INVALID", 400],
    ["/v1/queries/staleness?param.limt=1", "PARAM_INVALID", 400],
  ])("%s is refused with %s", async (path, code, status) => {
    const response = await fetch(server.url + path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      error: code,
      hint: expect.toSatisfy((hint) => hint === null || typeof hint === "string"),
    });
  });

  test("a body's mistakes are listed with their places", async () => {
    expect(await postJson("/v1/query", { sql: 1, tenants: {}, limit: 3 })).toMatchObject({
      error: "REQUEST_INVALID",
      message: expect.stringMatching(/body\.sql: .*body\.tenants: .*"limit"/),
    });
    expect(await postJson("/v1/query", { sql: "SELECT 1", query: "staleness" })).toMatchObject({
      message: "both sql and query are given",
    });
    expect(await postJson("/v1/query", [])).toMatchObject({ error: "REQUEST_INVALID" });
  });

  test("the named queries, the tenants and an explanation", async () => {
    expect(await fetchJson("/v1/queries")).toMatchObject([
      {
        name: "staleness",
        description: "Age of the stalest row",
        url: "/v1/queries/staleness",
        partial: "90%",
        range: "1h",
        params: [
          { name: "limit", type: "integer", default: 10 },
          { name: "plan", values: ["pro", "free"] },
        ],
      },
    ]);
    expect(await fetchJson("/v1/tenants")).toMatchObject([
      {
        __text: "acme",
        __value: "acme",
        tenant: "acme",
        labels: { plan: "pro", region: "eu" },
        state: "ready",
        health: "closed",
        reason: null,
        since: null,
        relations: ["entities"],
      },
      { tenant: "globex" },
      { tenant: "initech" },
    ]);
    const before = server.asked.length;
    expect(await postJson("/v1/explain", { query: "staleness" })).toMatchObject({
      expandedSql: expect.stringContaining("$<tenant>_entities"),
    });
    expect(server.asked.length).toBe(before);
  });

  test("the OpenAPI document names every route once", async () => {
    const document = openApi.parse(await fetchJson("/v1/openapi.json"));
    const front = frontPage.parse(await fetchJson("/"));
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(front.routes.map((route) => `${route.method} ${route.path}`).sort());
    expect(document.openapi).toBe("3.1.0");
    expect(document.paths["/v1/query"]?.get?.parameters).toContainEqual(
      expect.objectContaining({ name: "sql", in: "query", required: true }),
    );
    expect(document.paths["/v1/query"]?.post).toHaveProperty([
      "requestBody",
      "content",
      "application/json",
      "schema",
      "properties",
      "partial",
    ]);
    expect(document.paths["/v1/queries/{name}"]?.get?.parameters[0]).toMatchObject({
      name: "name",
      in: "path",
      required: true,
    });
  });
});

describe("the server's own routes", () => {
  test("health, readiness and metrics", async () => {
    expect(await fetchJson("/healthz")).toEqual({ status: "ok" });
    expect(await fetchJson("/readyz")).toEqual({ status: "ready" });
    const metrics = await fetch(`${server.url}/metrics`);
    expect([metrics.headers.get("content-type"), await metrics.text()]).toEqual([
      "text/plain; version=0.0.4; charset=utf-8",
      "up 1\n",
    ]);
    for (const seconds of ["10", "0.4", "soon"])
      await fetch(`${server.url}/metrics`, { headers: { "X-Prometheus-Scrape-Timeout-Seconds": seconds } });
    // Half a second is kept back, or half of what there is.
    expect(server.scrapes.slice(-4)).toEqual([null, 9_500, 200, null]);
  });

  test("not ready is a 503 with the reason; without a catalog there is nothing to list", async () => {
    const starting = await serve({
      options: { catalog: () => null, ready: async () => ({ ok: false, reason: "no catalog is loaded" }) },
    });
    const ready = await fetch(`${starting.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { message: "no catalog is loaded", error: "FEDERATION_UNAVAILABLE" },
    ]);
    expect((await fetch(`${starting.url}/v1/tenants`)).status).toBe(503);
    expect(await (await fetch(starting.url)).json()).toMatchObject({ fleet: { catalogAgeSeconds: null } });
    await starting.close(0);
  });

  test("the front page shows the caller's fleet, escaped, and allows no script", async () => {
    const hostile = await serve({
      config: { auth: TOKENS },
      options: {
        catalog: () => ({
          version: "1",
          loadedAtMs: NOW_MS - 5_000,
          localRelations: new Map(),
          tenants: new Map([
            [
              "x",
              {
                name: "<script>alert(1)</script>",
                labels: { plan: "pro\"&'" },
                state: "missing" as const,
                servers: [],
                relations: new Map(),
              },
            ],
            [
              "y",
              { name: "hidden", labels: { plan: "free" }, state: "ready" as const, servers: [], relations: new Map() },
            ],
          ]),
        }),
      },
    });
    const page = await fetch(hostile.url, { headers: { Accept: "text/html,*/*;q=0.8", Authorization: "Bearer all" } });
    const html = await page.text();
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(html).toContain("plan=pro&quot;&amp;&#39;");
    expect(html).not.toContain("<script");
    expect(html).toContain("GET /v1/tenants");
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    const narrow = await (
      await fetch(hostile.url, { headers: { Accept: "text/html", Authorization: "Bearer pro" } })
    ).text();
    expect(narrow).not.toContain("hidden");
    await hostile.close(0);
  });
});

test("tells of a tenant that is down since when and why, to those who may see it", async () => {
  const doubts = () => [{ tenant: "globex", state: "open", reason: "timeout", sinceMs: NOW_MS - 5_000 }] as const;
  const down = await serve({ options: { doubts } });
  try {
    const listed: unknown = await (await fetch(`${down.url}/v1/tenants`)).json();
    expect(listed).toMatchObject([
      { tenant: "acme", health: "closed", reason: null, since: null },
      { tenant: "globex", state: "ready", health: "open", reason: "timeout", since: NOW_MS - 5_000 },
      { tenant: "initech", health: "closed" },
    ]);
    expect(await (await fetch(down.url)).json()).toMatchObject({
      fleet: {
        tenants: [
          { tenant: "acme", state: "ready" },
          { tenant: "globex", state: "down" },
          { tenant: "initech", state: "ready" },
        ],
      },
    });
    const page = await (await fetch(down.url, { headers: { Accept: "text/html" } })).text();
    expect(page).toContain("3 tenants, 1 of them down, 0 missing.");
  } finally {
    await down.close(0);
  }
});
