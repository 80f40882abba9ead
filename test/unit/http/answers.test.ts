import { get } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "../../../src/errors.ts";
import { answer, post, type Served, type ServeOptions, sendRaw, serve } from "./serve.ts";

const operation = z.object({
  responses: z.object({ "200": z.object({ headers: z.record(z.string(), z.unknown()).optional() }) }),
});
const openApi = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) });

const servers: Served[] = [];

async function start(options: ServeOptions = {}): Promise<Served> {
  const server = await serve(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

describe("answers", () => {
  test("the headers tell of the cache, the stages and the coverage", async () => {
    const { url } = await start();
    const { headers } = await post(`${url}/v1/query`, { sql: "SELECT 1" });
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-cache": "miss",
      age: "3",
      "x-tenants-expected": "3",
      "x-tenants-answered": "2",
      "x-tenants-failed": "1",
    });
    expect(headers.get("server-timing")).toBe(
      "template;dur=0.00, sql;dur=0.00, plan;dur=0.00, cache;dur=0.00, execute;dur=12.35, merge;dur=0.00, frames;dur=0.00",
    );
  });

  test("a header says when rows were cut off, also when it is one target of several", async () => {
    const whole = answer('[{"a":1}]');
    const cut = { ...whole, coverage: { ...whole.coverage, answered: 3, failed: [], truncated: true } };
    const { url } = await start({ run: async ({ request }) => (request.sql === "cut" ? cut : whole) });
    const header = async (reply: Promise<Response>) => (await reply).headers.get("x-truncated");
    expect(await header(post(`${url}/v1/query`, { sql: "whole" }))).toBeNull();
    expect(await header(post(`${url}/v1/query`, { sql: "cut" }))).toBe("true");
    const panel = (...texts: string[]) =>
      post(`${url}/grafana/query`, {
        targets: texts.map((sql, index) => ({ refId: `R${index}`, target: "sql", payload: { sql } })),
      });
    // The coverage is that of the first, which lacks a tenant.
    const both = await panel("whole", "cut");
    expect([both.headers.get("x-tenants-failed"), both.headers.get("x-truncated")]).toEqual(["1", "true"]);
    expect(await header(panel("whole", "whole"))).toBeNull();
  });

  test("the OpenAPI document describes every header of an answer", async () => {
    const whole = answer("[]");
    const stale = [{ tenant: "b", reason: "timeout", detail: "no answer", ageSeconds: 3 }] as const;
    const cut = { ...whole, coverage: { ...whole.coverage, truncated: true, stale } };
    const { url } = await start({ run: async () => cut });
    const { paths } = openApi.parse(await (await fetch(`${url}/v1/openapi.json`)).json());
    const { headers } = await post(`${url}/v1/query`, { sql: "SELECT 1" });
    const sent = [...headers.keys()].filter((name) => /^(x-(cache|t)|age$|server-timing$)/.test(name));
    for (const path of ["/v1/query", "/grafana/query"]) {
      const described = Object.keys(paths[path]?.post?.responses["200"].headers ?? {}).map((name) =>
        name.toLowerCase(),
      );
      expect(described.toSorted()).toEqual(sent.toSorted());
    }
    expect(paths["/v1/tenants"]?.get?.responses["200"].headers).toBeUndefined();
  });

  test("gzip for those who accept it, when it pays", async () => {
    const big = answer(`[${"1,".repeat(2_000)}1]`);
    const { url, port } = await start({ run: async ({ request }) => (request.sql === "big" ? big : answer("[]")) });
    const zipped = (path: string, encoding: string) =>
      new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
        get({ port, path, headers: { "Accept-Encoding": encoding } }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () =>
            resolve({ encoding: response.headers["content-encoding"], body: Buffer.concat(chunks) }),
          );
        }).on("error", reject);
      });
    for (const _ of [1, 2]) {
      const reply = await zipped("/v1/query?sql=big", "br, gzip;q=0.5");
      expect(reply.encoding).toBe("gzip");
      expect(gunzipSync(reply.body)).toEqual(big.body);
    }
    expect((await zipped("/v1/query?sql=big", "gzip;q=0, identity")).encoding).toBeUndefined();
    expect((await zipped("/v1/query?sql=small", "gzip")).encoding).toBeUndefined();
    expect((await fetch(`${url}/v1/query?sql=big`, { method: "HEAD" })).headers.get("content-length")).not.toBe("0");
  });

  test("HEAD has no body, OPTIONS names the methods", async () => {
    const { url } = await start();
    const head = await fetch(`${url}/v1/tenants`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const options = await fetch(`${url}/v1/query`, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow"), await options.json()]).toEqual([
      200,
      "POST, GET, HEAD",
      { methods: ["POST", "GET", "HEAD"] },
    ]);
    expect((await fetch(`${url}/nowhere`, { method: "OPTIONS" })).status).toBe(404);
  });

  test.each([
    [
      new AppError("TENANT_UNKNOWN", 'no tenant "acmé"\r\nX-Evil: 1\u2028<b>', {
        hint: "look",
        position: { line: 1, column: 2, offset: 1 },
      }),
      404,
      'no tenant "acm?" X-Evil: 1 <b>',
    ],
    [new AppError("OVERLOADED", "x".repeat(500), { retryAfterSeconds: 1.2 }), 503, "x".repeat(200)],
    [new AppError("DEADLINE_EXCEEDED", "日本"), 504, "??"],
    [new AppError("TENANT_FAILED", "\r\n"), 502, "Error"],
  ])("an error keeps its message in the body and a clean one in the reason phrase", async (error, status, phrase) => {
    const { url } = await start({ run: () => Promise.reject(error) });
    const response = await post(`${url}/v1/query`, { sql: "SELECT 1" });
    expect([response.status, response.statusText, response.headers.get("x-evil")]).toEqual([status, phrase, null]);
    expect(await response.json()).toEqual({
      message: error.message,
      error: error.code,
      hint: error.hint ?? null,
      position: error.position ?? null,
    });
    expect(response.headers.get("retry-after")).toBe(error.retryAfterSeconds === undefined ? null : "2");
  });

  test("an unexpected error shows nothing but the request's id", async () => {
    const { url, observed } = await start({ run: () => Promise.reject(new Error("password=secret")) });
    const response = await post(`${url}/v1/query`, { sql: "SELECT 1" });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toContain("secret");
    expect(text).toContain(response.headers.get("x-request-id"));
    const seen = observed.find((observation) => observation.kind === "http.error");
    expect(seen).toMatchObject({ error: { code: "INTERNAL" } });
  });

  test("an unknown route is a 404 in JSON that names near ones, a wrong method too", async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/v1/tenant`)).json()).toMatchObject({
      error: "ROUTE_UNKNOWN",
      hint: expect.stringContaining("GET /v1/tenants"),
    });
    const wrong = await fetch(`${url}/v1/queries/staleness`, { method: "DELETE" });
    expect([wrong.status, wrong.headers.get("allow"), await wrong.json()]).toMatchObject([
      404,
      "GET, HEAD",
      { hint: "use GET or HEAD" },
    ]);
    expect(await (await fetch(`${url}/v1/queries/%zz`)).json()).toMatchObject({ error: "REQUEST_INVALID" });
    expect((await fetch(`${url}/${"x".repeat(20_000)}`)).status).toBe(404);
  });

  test("what is no HTTP gets a JSON error as well", async () => {
    const { port } = await start();
    expect(await sendRaw(port, "HELLO\r\n\r\n")).toMatch(
      /^HTTP\/1.1 400 .*\{"message":"the request is no HTTP\/1.1","error":"REQUEST_INVALID"/s,
    );
  });
});
