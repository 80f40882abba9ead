import { request } from "node:http";
import { text as readText } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DemoProcess, startDemo } from "../support/grafana/demo-process.ts";

// Every route of the built program, asked as a program would ask.

const TENANTS = 4;
const COUNT = "SELECT count(*) AS n FROM $<tenant>_entities";
const names = Array.from({ length: TENANTS }, (_, index) => `tenant_${index}`);
let demo: DemoProcess;

beforeAll(async () => {
  demo = await startDemo({ tenants: TENANTS });
});

afterAll(async () => {
  await demo?.close();
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(demo.ready.url + path, { headers });
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(demo.ready.url + path, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const inUrl = (sql: string, more = "") => `/v1/query?sql=${encodeURIComponent(sql)}${more}`;

const jsonOf = async (answer: Response | Promise<Response>) => JSON.parse(await (await answer).text());

async function tenantsIn(response: Response): Promise<readonly string[]> {
  const rows: { tenant: string }[] = await jsonOf(response);
  return rows.map(({ tenant }) => tenant).sort();
}

async function refusalOf(response: Response): Promise<readonly [number, string]> {
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const body = await jsonOf(response);
  expect(Object.keys(body).sort()).toEqual(["error", "hint", "message", "position"]);
  // What HTTP allows in a reason phrase: Infinity shows nothing else.
  expect(response.statusText.length).toBeGreaterThan(0);
  return [response.status, body.error];
}

describe("system routes", () => {
  test("/ is JSON for programs and a page for people", async () => {
    const json = await jsonOf(get("/", { accept: "application/json" }));
    expect(json.name).toBe("tenantry");
    expect(json.routes.map(({ path }: { path: string }) => path)).toContain("/v1/query");
    const page = await get("/", { accept: "text/html" });
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("tenant_0");
  });

  test("/healthz, /readyz, /metrics and the OpenAPI document", async () => {
    for (const path of ["/healthz", "/readyz", "//readyz/", "/v1/openapi.json"])
      expect([path, (await get(path)).status]).toEqual([path, 200]);
    const openapi = await jsonOf(get("/v1/openapi.json"));
    expect(openapi.openapi).toMatch(/^3\.1/);
    const metrics = await get("/metrics");
    expect(metrics.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toMatch(/^entity_staleness_seconds\{tenant="tenant_3"\} \d/m);
  });
});

describe("/v1", () => {
  test("query by body, by URL, and under any Content-Type", async () => {
    for (const response of [
      await post("/v1/query", { sql: COUNT }),
      await post("/v1/query", { sql: COUNT }, { "content-type": "text/plain" }),
      await get(inUrl(COUNT)),
    ]) {
      expect(response.status).toBe(200);
      expect(await tenantsIn(response)).toEqual(names);
    }
  });

  test("the headers tell of cache, timing and coverage", async () => {
    const sql = `${COUNT} /* ${Math.random()} */`;
    const first = await post("/v1/query", { sql, from: 0, to: 1 });
    const second = await post("/v1/query", { sql, from: 0, to: 1 });
    expect([first, second].map(({ headers }) => headers.get("x-cache"))).toEqual(["miss", "hit"]);
    expect(Number(second.headers.get("age"))).toBeGreaterThanOrEqual(0);
    for (const stage of ["template", "sql", "plan", "cache", "execute", "merge", "frames"])
      expect(first.headers.get("server-timing")).toContain(`${stage};dur=`);
    expect(["expected", "answered", "failed"].map((name) => first.headers.get(`x-tenants-${name}`))).toEqual([
      "4",
      "4",
      "0",
    ]);
    expect(first.headers.get("x-request-id")).toBeTruthy();
  });

  test.each([
    ["tenants=tenant_1&tenants=tenant_2", ["tenant_1", "tenant_2"]],
    ["tenants=tenant_1,tenant_2", ["tenant_1", "tenant_2"]],
    ["tenants=%7Btenant_1,tenant_2%7D", ["tenant_1", "tenant_2"]],
    ["tenants=(tenant_1%7Ctenant_2)", ["tenant_1", "tenant_2"]],
    [`tenants=${encodeURIComponent('["tenant_3"]')}`, ["tenant_3"]],
    ["tenants=", names],
    ["tenants=*", names],
    ["tenants=$__all", names],
  ])("%s", async (parameters, expected) => {
    expect(await tenantsIn(await get(inUrl(COUNT, `&${parameters}`)))).toEqual(expected);
  });

  test("queries, a named query, tenants, explain", async () => {
    const listed: { name: string; url: string }[] = await jsonOf(get("/v1/queries"));
    expect(listed.map(({ name }) => name)).toContain("entity_staleness");
    for (const { url } of listed) expect([url, (await get(url)).status]).toEqual([url, 200]);
    expect(await tenantsIn(await get("/v1/tenants"))).toEqual(names);
    const explained = await jsonOf(post("/v1/explain", { sql: COUNT }));
    expect(explained).toMatchObject({ expected: 4, outerSql: null, leftOut: [] });
    expect(explained.blocks[0].verdicts).toEqual([
      { tenants: names, verdict: "pushed", asynchronous: true, reasons: [] },
    ]);
    expect(JSON.stringify(explained.blocks[0].lanes)).toContain('\\"tenant_2_entities\\"');
  });

  test("formats", async () => {
    const types = { rows: "json", frame: "json", timeserie: "json", table: "json", csv: "csv", ndjson: "ndjson" };
    for (const [format, type] of Object.entries(types)) {
      const response = await get(inUrl(COUNT, `&format=${format}`));
      expect([format, response.status, response.headers.get("content-type")]).toEqual([
        format,
        200,
        expect.stringContaining(type),
      ]);
    }
  });
});

describe("/grafana", () => {
  const range = { from: "now-6h", to: "now" };

  test("every route of the plugin answers", async () => {
    const target = { refId: "A", target: "sql", payload: { sql: COUNT, format: "table" } };
    const asked: readonly (readonly [string, object])[] = [
      ["/grafana/query", { range, targets: [target] }],
      ["/grafana/metrics", {}],
      ["/grafana/metric-payload-options", { metric: "sql", name: "tenants" }],
      ["/grafana/variable", { payload: { target: "tenants" }, range }],
      ["/grafana/search", { target: "tenants" }],
      [
        "/grafana/annotations",
        { annotation: { query: "SELECT now() AS time, 'x' AS text FROM $<tenant:tenant_0>_jobs LIMIT 1" }, range },
      ],
      ["/grafana/tag-keys", {}],
      ["/grafana/tag-values", { key: "plan" }],
    ];
    expect((await get("/grafana")).status).toBe(200);
    expect((await get("/grafana/")).status).toBe(200);
    for (const [path, body] of asked) {
      const response = await post(path, body);
      expect([path, response.status]).toEqual([path, 200]);
      expect((await jsonOf(response)).length).toBeGreaterThan(0);
    }
  });

  test("an empty payload says why it is empty", async () => {
    const response = await post("/grafana/query", { range, targets: [{ refId: "B", target: "sql", payload: {} }] });
    expect(response.status).toBe(400);
    expect((await jsonOf(response)).message).toMatch(/query B: empty payload.*\$\{tenant:json\}/);
  });
});

describe("refusals", () => {
  test.each<[string, () => Promise<Response>, number, string]>([
    ["JSON that does not parse", () => post("/v1/query", '{"sql": "SELECT 1",}'), 400, "REQUEST_INVALID"],
    ["a body that is no object", () => post("/v1/query", "[]"), 400, "REQUEST_INVALID"],
    ["no SQL", () => post("/v1/query", {}), 400, "REQUEST_INVALID"],
    ["an unknown key", () => post("/v1/query", { sql: COUNT, tenant: "x" }), 400, "REQUEST_INVALID"],
    ["an unknown parameter", () => get(inUrl(COUNT, "&tenant=x")), 400, "REQUEST_INVALID"],
    ["an unknown format", () => get(inUrl(COUNT, "&format=xml")), 400, "REQUEST_INVALID"],
    ["a range that cannot be read", () => get(inUrl(COUNT, "&from=yesterday")), 400, "REQUEST_INVALID"],
    ["a policy that cannot be read", () => get(inUrl(COUNT, "&partial=most")), 400, "REQUEST_INVALID"],
    ["a body of 2 MB", () => post("/v1/query", { sql: "x".repeat(2_000_000) }), 413, "REQUEST_TOO_LARGE"],
    ["SQL of 100 kB", () => post("/v1/query", { sql: `SELECT '${"x".repeat(100_000)}'` }), 413, "REQUEST_TOO_LARGE"],
    ["an unknown tenant", () => get(inUrl(COUNT, "&tenants=nobody")), 404, "TENANT_UNKNOWN"],
    ["an unknown query", () => get("/v1/queries/entity_stalenes"), 404, "QUERY_UNKNOWN"],
    ["a parameter of a wrong type", () => get("/v1/queries/revenue?param.min_amount=much"), 400, "PARAM_INVALID"],
    [
      "an unknown macro",
      () => get(inUrl("SELECT $__timeFilterr(last_updated) FROM $<tenant>_entities")),
      422,
      "MACRO_UNKNOWN",
    ],
    ["SQL that does not parse", () => get(inUrl("SELEC 1 FROM $<tenant>_entities")), 422, "QUERY_SYNTAX"],
    ["DELETE as SQL", () => post("/v1/query", { sql: "DELETE FROM $<tenant>_entities" }), 422, "QUERY_FORBIDDEN"],
    ["DELETE as a method", () => fetch(`${demo.ready.url}/v1/query`, { method: "DELETE" }), 404, "ROUTE_UNKNOWN"],
    ["an unknown route", () => get("/v1/querry"), 404, "ROUTE_UNKNOWN"],
    ["another host's name", () => hostedAs("evil.example"), 403, "TOKEN_REFUSED"],
  ])("%s", async (_, ask, status, code) => {
    expect(await refusalOf(await ask())).toEqual([status, code]);
  });

  test("the place of a mistake is told", async () => {
    const { position, hint } = await jsonOf(post("/v1/query", { sql: "SELECT\n  missing\nFROM $<tenant>_entities" }));
    expect(position).toMatchObject({ line: 2, column: 3 });
    expect(hint === null || typeof hint === "string").toBe(true);
  });

  /** As a page that rebinds its name would ask. */
  function hostedAs(host: string): Promise<Response> {
    return new Promise((resolve, reject) => {
      request(`${demo.ready.url}/v1/tenants`, { headers: { host } }, (incoming) => {
        const headers = new Headers({ "content-type": incoming.headers["content-type"] ?? "" });
        readText(incoming)
          .then((body) =>
            resolve(
              new Response(body, {
                status: incoming.statusCode ?? 0,
                statusText: incoming.statusMessage ?? "",
                headers,
              }),
            ),
          )
          .catch(reject);
      })
        .on("error", reject)
        .end();
    });
  }
});

test("large answers are compressed for clients that accept it", async () => {
  const path = inUrl("SELECT id FROM $<tenant>_entities");
  const plain = await (await get(path, { "accept-encoding": "identity" })).text();
  expect(plain.length).toBeGreaterThan(1024);
  const compressed = await new Promise<{ readonly encoding: string | undefined; readonly body: Buffer }>(
    (resolve, reject) => {
      request(demo.ready.url + path, { headers: { "accept-encoding": "gzip" } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ encoding: response.headers["content-encoding"], body: Buffer.concat(chunks) }),
        );
      })
        .on("error", reject)
        .end();
    },
  );
  expect(compressed.encoding).toBe("gzip");
  expect(compressed.body.length).toBeLessThan(plain.length);
  expect(JSON.parse(gunzipSync(compressed.body).toString())).toHaveLength(JSON.parse(plain).length);
});
