import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "../../../src/errors.ts";
import type { Answer } from "../../../src/types.ts";
import { type Asked, answer, NOW_MS, post, type Served, serve } from "./serve.ts";

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

describe("/grafana", () => {
  const body = (targets: unknown[], more: object = {}) => ({
    range: { from: "2026-11-22T08:00:00.000Z", to: "2026-11-22T14:00:00.000Z", raw: { from: "now-6h", to: "now" } },
    intervalMs: 20_000,
    maxDataPoints: 1080,
    targets,
    ...more,
  });
  const sql = (refId: string, text: string, payload: object = {}) => ({
    refId,
    target: "sql",
    payload: { sql: text, ...payload },
  });

  test("several targets run side by side, and each frame gets its refId", async () => {
    let inFlight = 0;
    run = async ({ request }) => {
      inFlight += 1;
      await expect.poll(() => inFlight).toBe(2);
      return answer(request.sql === "one" ? '[{"name":"a"},{"name":"b"}]' : "[ {} ]");
    };
    const targets = [
      sql("A", "one", { format: "time_series" }),
      sql('B"', "two"),
      { refId: "C" },
      { ...sql("D", "x"), hide: true },
    ];
    const response = await post(`${server.url}/grafana/query`, body(targets));
    expect(await response.json()).toEqual([{ refId: "A", name: "a" }, { refId: "A", name: "b" }, { refId: 'B"' }]);
    expect(server.asked.slice(-2).map(({ request }) => request.format)).toEqual(["timeserie", "frame"]);
    expect(asked()).toMatchObject({
      range: { fromMs: Date.parse("2026-11-22T08:00:00Z"), toMs: NOW_MS },
      intervalMs: 20_000,
    });
    expect(response.headers.get("x-tenants-failed")).toBe("1");
  });

  test("no targets is an empty array", async () => {
    expect(await postJson("/grafana/query", body([]))).toEqual([]);
  });

  test("a named query takes the payload as its parameters, unescaped when the builder has escaped it", async () => {
    const target = {
      refId: "A",
      target: "staleness",
      payload: { limit: "7", tenants: "(acme|x\\.y)", partial: "", format: "table" },
      editorMode: "builder",
    };
    await post(`${server.url}/grafana/query`, body([target]));
    expect(asked()).toMatchObject({
      queryName: "staleness",
      tenants: ["acme", "x.y"],
      format: "table",
      partial: { percent: 90 },
    });
    expect(asked()?.params.get("limit")).toEqual({ type: "integer", value: 7 });
  });

  test("a target that fails fails the request by its name, and stops the others", async () => {
    let stopped: AbortSignal | undefined;
    run = ({ request, signal }) => {
      if (request.sql === "bad")
        return Promise.reject(
          new AppError("QUERY_SYNTAX", "syntax error", { position: { line: 1, column: 1, offset: 0 } }),
        );
      stopped = signal;
      return new Promise(() => {});
    };
    const response = await post(`${server.url}/grafana/query`, body([sql("A", "good"), sql("B", "bad")]));
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      message: "query B: syntax error",
      error: "QUERY_SYNTAX",
      position: { line: 1 },
    });
    expect(stopped?.aborted).toBe(true);
  });

  test("an empty payload says why it is empty", async () => {
    const reply = await postJson("/grafana/query", body([{ refId: "A", target: "sql", payload: {} }]));
    expect(reply).toMatchObject({
      message: `query A: empty payload: Grafana could not parse the JSON in the editor; use "tenants": \${tenant:json} (without quotes) or \${tenant:raw}`,
    });
  });

  test.each([
    [{ key: "tenant", operator: "=", value: "acme" }, ["acme"]],
    [{ key: "tenant", operator: "!=", value: "acme" }, ["globex", "initech"]],
    [{ key: "tenant", operator: "=~", value: "acme|glo.*" }, ["acme", "globex"]],
    [{ key: "tenant", operator: "=~", value: "cm" }, []],
    [{ key: "tenant", operator: "!~", value: ".*e.*" }, []],
    [{ key: "tenant", operator: "=|", value: "acme", values: ["acme", "initech"] }, ["acme", "initech"]],
    [{ key: "tenant", operator: "!=|", values: ["acme", "initech"] }, ["globex"]],
    [{ key: "plan", operator: "=", value: "pro" }, ["acme", "initech"]],
    [{ key: "region", operator: "!=", value: "eu" }, ["globex", "initech"]],
    [{ key: "region", operator: "=~", value: "" }, ["initech"]],
    [{ key: "tenant", operator: "=", value: "nobody" }, []],
  ])("the filter %j leaves %j", async (filter, expected) => {
    await post(`${server.url}/grafana/query`, body([sql("A", "x")], { filters: [filter] }));
    expect(asked()?.tenants).toEqual(expected);
    await post(`${server.url}/grafana/query`, body([sql("A", "x", { tenants: ["acme"] })], { adhocFilters: [filter] }));
    expect(asked()?.tenants).toEqual(expected.filter((name) => name === "acme"));
  });

  test.each([
    { key: "city", operator: "=", value: "x" },
    { key: "tenant", operator: "<", value: "x" },
    { key: "tenant", operator: "=~", value: "(" },
    { key: "tenant", operator: "=~", value: 'a"b' },
  ])("the filter %j is refused, not ignored", async (filter) => {
    expect(await postJson("/grafana/query", body([sql("A", "x")], { filters: [filter] }))).toMatchObject({
      error: "REQUEST_INVALID",
    });
  });

  test("variables: the tenants, the labels and their values", async () => {
    const values = async (target: string) =>
      z
        .array(z.object({ __value: z.string() }))
        .parse(await postJson("/grafana/variable", { payload: { target } }))
        .map((option) => option.__value);
    expect(await values("tenants")).toEqual(["acme", "globex", "initech"]);
    expect(await values("labels")).toEqual(["plan", "region"]);
    expect(await values("plan")).toEqual(["free", "pro"]);
    expect(await values("labels.region")).toEqual(["eu", "us"]);
    expect(await postJson("/grafana/variable", { payload: {} })).toMatchObject({ error: "REQUEST_INVALID" });
    expect(await postJson("/grafana/variable", { payload: { target: "nothing" } })).toMatchObject({
      error: "QUERY_UNKNOWN",
    });
  });

  test("variables: rows of SQL and of a named query", async () => {
    run = async () =>
      answer(
        '[{"region":"eu","tenant":"acme"},{"region":"us","tenant":"acme"},{"region":"eu","tenant":"b"},{"region":null,"tenant":"c"}]',
      );
    const expected = [
      { __text: "eu", __value: "eu" },
      { __text: "us", __value: "us" },
    ];
    for (const payload of [
      { target: "select region FROM $<tenant>_x" },
      { target: "sql", sql: "SELECT region" },
      { sql: "SELECT region" },
      { target: "staleness", limit: 3 },
      "SELECT region",
    ]) {
      expect(await postJson("/grafana/variable", { payload, range: { from: "now-2h", to: "now" } })).toEqual(expected);
    }
    expect(asked()).toMatchObject({ format: "rows", range: { fromMs: NOW_MS - 7_200_000 } });
    run = async () => answer('[{"__text":"Acme Inc.","__value":7,"tenant":"acme"}]');
    expect(await postJson("/grafana/variable", { payload: { target: "SELECT 1" } })).toEqual([
      { __text: "Acme Inc.", __value: "7" },
    ]);
  });

  test.each([
    ["/grafana/variable", { payload: { target: "SELECT region" } }],
    ["/grafana/search", { target: "SELECT region" }],
    ["/grafana/annotations", { annotation: { query: "SELECT region" } }],
  ])("%s tells of the answer that it is made of", async (path, question) => {
    run = async () => {
      const whole = answer('[{"time":1,"region":"eu"}]');
      return { ...whole, coverage: { ...whole.coverage, truncated: true } };
    };
    const { headers } = await post(server.url + path, question);
    expect([headers.get("x-truncated"), headers.get("x-tenants-failed")]).toEqual(["true", "1"]);
  });

  test("the query editor's lists", async () => {
    const metrics = z
      .array(z.object({ value: z.string(), payloads: z.array(z.unknown()) }))
      .parse(await postJson("/grafana/metrics", {}));
    expect(metrics.map(({ value }) => value)).toEqual(["sql", "staleness"]);
    expect(metrics[0]?.payloads[0]).toEqual({ label: "SQL", name: "sql", type: "textarea" });
    expect(metrics[1]?.payloads.slice(0, 2)).toEqual([
      { name: "limit", label: "limit", type: "input", placeholder: "10" },
      {
        name: "plan",
        label: "plan",
        type: "select",
        placeholder: "pro",
        options: [{ value: "pro" }, { value: "free" }],
      },
    ]);
    const options = (metric: string, name: string) =>
      postJson("/grafana/metric-payload-options", { metric, payload: {}, name });
    expect(await options("sql", "tenants")).toHaveLength(3);
    expect(await options("staleness", "plan")).toEqual([{ value: "pro" }, { value: "free" }]);
    expect(await options("staleness", "nothing")).toEqual([]);
  });

  test("the older plugin's search, tags and health", async () => {
    expect(await postJson("/grafana/search", { target: "" })).toEqual(["sql", "staleness"]);
    expect(await postJson("/grafana/search", { target: "x", type: "timeserie" })).toEqual(["sql", "staleness"]);
    expect(await postJson("/grafana/search", { target: "plan" })).toEqual([
      { text: "free", value: "free" },
      { text: "pro", value: "pro" },
    ]);
    expect(await postJson("/grafana/tag-keys", {})).toEqual(
      ["tenant", "plan", "region"].map((text) => ({ type: "string", text })),
    );
    expect(await postJson("/grafana/tag-values", { key: "tenant" })).toEqual([
      { text: "acme" },
      { text: "globex" },
      { text: "initech" },
    ]);
    expect(await postJson("/grafana/tag-values", { key: "region", filters: [] })).toEqual([
      { text: "eu" },
      { text: "us" },
    ]);
    expect(await fetchJson("/grafana")).toEqual({ status: "ok" });
  });

  test("the older plugin's annotations", async () => {
    run = async () =>
      answer(
        '[{"time":1,"timeEnd":2,"title":"Deploy","text":"v1","tags":"a, b","tenant":"acme"},{"time":3,"tenant":"b"}]',
      );
    const annotation = { name: "deploys", enable: true, query: "SELECT * FROM $<tenant>_deploys" };
    expect(await postJson("/grafana/annotations", { range: { from: "now-1h", to: "now" }, annotation })).toEqual([
      { annotation, time: 1, timeEnd: 2, title: "Deploy", text: "v1", tags: ["a", "b", "acme"] },
      { annotation, time: 3, title: "", text: "", tags: ["b"] },
    ]);
    expect(asked()?.sql).toBe(annotation.query);
    run = async () => answer('[{"tenant":"acme"}]');
    expect(await postJson("/grafana/annotations", { annotation: { query: '{"target":"staleness"}' } })).toMatchObject({
      error: "REQUEST_INVALID",
    });
  });

  test("a format that is not for panels is refused; the older plugin's type is a format", async () => {
    expect(await postJson("/grafana/query", body([sql("A", "x", { format: "csv" })]))).toMatchObject({
      message: expect.stringContaining("query A: format: csv"),
    });
    await post(`${server.url}/grafana/query`, body([{ refId: "A", target: "staleness", type: "table" }]));
    expect(asked()?.format).toBe("table");
  });
});
