import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ATTACKED_TENANTS,
  type AttackedFleet,
  CANARY,
  openAttackedFleet,
  TOKENS,
  type Told,
} from "../support/attacked-fleet.ts";

// Names, tokens, headers and secrets: nobody reads more than the caller's own tenants, and no secret is told.

let fleet: AttackedFleet;

beforeAll(async () => {
  fleet = await openAttackedFleet();
});

afterAll(async () => {
  await fleet?.close();
});

const query = (sql: string) => fleet.send("/v1/query", { sql });

describe("names", () => {
  test("with quotes, dollars and other letters are only names", async () => {
    const { body } = await query("SELECT id, 'x$<tenant>' AS x, length($<tenant>) AS n FROM $<tenant>_orders");
    const rows: { tenant: string; x: string }[] = JSON.parse(body);
    expect(rows.map(({ tenant }) => tenant).sort()).toEqual([...ATTACKED_TENANTS].sort());
    for (const { tenant, x } of rows) expect(x).toBe(`x${tenant}`);
    const once = JSON.parse((await query("SELECT tenant FROM (SELECT id FROM $<tenant>_orders) t")).body);
    expect(once).toHaveLength(ATTACKED_TENANTS.length);
  });

  test.each(ATTACKED_TENANTS)("%s can be asked for by name", async (name) => {
    const { body } = await fleet.send("/v1/query", { sql: "SELECT id FROM $<tenant>_orders", tenants: [name] });
    expect(JSON.parse(body)).toEqual([{ id: 1, tenant: name }]);
    const encoded = encodeURIComponent(JSON.stringify([name]));
    expect(
      (await fleet.send(`/v1/query?sql=SELECT+id+FROM+%24%3Ctenant%3E_orders&tenants=${encoded}`, undefined)).body,
    ).toBe(body);
  });

  test.each([
    "'",
    '"',
    "$<tenant>",
    "'; drop table acme_orders; --",
    "acme' OR '1'='1",
    "\u0000",
    "../acme",
    "a".repeat(10_000),
  ])("%j is the name of no tenant", async (name) => {
    const { status, body } = await fleet.send("/v1/query", { sql: "SELECT id FROM $<tenant>_orders", tenants: [name] });
    expect(status).toBe(404);
    expect(JSON.parse(body).error).toBe("TENANT_UNKNOWN");
  });
});

describe("a token of one tenant", () => {
  const others = /beta|qu'o|do\$1llar|ünï|canary/;

  test("tells nothing of the others on any route", async () => {
    const sql = "SELECT id FROM $<tenant>_orders";
    const simpod = { range: { from: "now-1h", to: "now" }, targets: [{ refId: "A", target: "sql", payload: { sql } }] };
    const told = [
      await fleet.send("/", undefined, TOKENS.acme),
      await fleet.send("/", undefined, TOKENS.acme, { accept: "text/html" }),
      await fleet.send("/readyz", undefined, TOKENS.acme),
      await fleet.send("/metrics", undefined, TOKENS.acme),
      await fleet.send("/v1/query", { sql }, TOKENS.acme),
      await fleet.send("/v1/query", { sql, format: "frame" }, TOKENS.acme),
      await fleet.send("/v1/query", { sql: "SELECT word FROM $<tenant>_secrets" }, TOKENS.acme),
      await fleet.send("/v1/query", { sql: "SELECT x FROM $<tenant>_nothing" }, TOKENS.acme),
      await fleet.send("/v1/queries", undefined, TOKENS.acme),
      await fleet.send("/v1/queries/totals", undefined, TOKENS.acme),
      await fleet.send("/v1/explain", { sql }, TOKENS.acme),
      await fleet.send("/v1/tenants", undefined, TOKENS.acme),
      await fleet.send("/v1/openapi.json", undefined, TOKENS.acme),
      await fleet.send("/grafana", undefined, TOKENS.acme),
      await fleet.send("/grafana/query", simpod, TOKENS.acme),
      await fleet.send("/grafana/metrics", {}, TOKENS.acme),
      await fleet.send("/grafana/metric-payload-options", { metric: "sql", name: "tenants" }, TOKENS.acme),
      await fleet.send("/grafana/variable", { payload: { target: "tenants" } }, TOKENS.acme),
      await fleet.send("/grafana/variable", { payload: { target: "labels.plan" } }, TOKENS.acme),
      await fleet.send(
        "/grafana/variable",
        { payload: { target: "SELECT tenant FROM $<tenant>_orders" } },
        TOKENS.acme,
      ),
      await fleet.send("/grafana/search", { target: "" }, TOKENS.acme),
      await fleet.send("/grafana/annotations", { annotation: { query: sql }, range: simpod.range }, TOKENS.acme),
      await fleet.send("/grafana/tag-keys", {}, TOKENS.acme),
      await fleet.send("/grafana/tag-values", { key: "tenant" }, TOKENS.acme),
    ];
    expect(told.filter(({ text }) => others.test(text))).toEqual([]);
    expect(told.filter(({ status }) => status >= 500)).toEqual([]);
    expect(told.filter(({ status }) => status === 403).length).toBe(1);
  });

  test("gets the same answer for a tenant that is hidden and one that does not exist", async () => {
    for (const body of [
      (name: string) => ({ sql: "SELECT id FROM $<tenant>_orders", tenants: [name] }),
      (name: string) => ({ sql: `SELECT id FROM $<tenant:${name}>_orders` }),
      (name: string) => ({ sql: `SELECT id FROM $<tenant:~"${name}">_orders` }),
      (name: string) => ({ sql: `SELECT * FROM ${name}_orders` }),
    ]) {
      const plain = (told: Told) => [told.status, told.body.replaceAll(/beta|nope/g, "*")];
      const hidden = plain(await fleet.send("/v1/query", body("beta"), TOKENS.acme));
      expect(hidden).toEqual(plain(await fleet.send("/v1/query", body("nope"), TOKENS.acme)));
    }
  });

  test("is not served what a token of all was served", async () => {
    const body = { sql: "SELECT word FROM $<tenant>_secrets" };
    expect((await fleet.send("/v1/query", body)).body).toContain(CANARY);
    expect((await fleet.send("/v1/query", body, TOKENS.acme)).body).toBe('[{"word":"plain","tenant":"acme"}]');
    expect((await fleet.send("/v1/query", body, TOKENS.pro)).body).toBe('[{"word":"plain","tenant":"acme"}]');
  });
});

describe("requests", () => {
  test.each([
    ["no token", {}],
    ["a wrong token", { authorization: "Bearer wrong" }],
    ["another scheme", { authorization: "Basic dG9rZW4tb2YtYWxs" }],
    ["two tokens in one header", { authorization: `Bearer ${TOKENS.acme}, Bearer ${TOKENS.all}` }],
    ["a token elsewhere", { "x-grafana-id": TOKENS.all, cookie: `token=${TOKENS.all}`, "x-forwarded-user": "admin" }],
  ])("with %s are refused on every path", async (_, headers) => {
    for (const path of ["/v1/tenants", "//v1//tenants/", "/v1/query?sql=SELECT+1", "/metrics", "/grafana/", "/"]) {
      const { status } = await fleet.send(path, undefined, null, headers);
      expect([path, status]).toEqual([path, 403]);
    }
  });

  test("with two Authorization headers are refused", async () => {
    const status = await new Promise((resolve, reject) => {
      const { hostname, port } = new URL(fleet.url);
      const headers = [
        "Host",
        "localhost",
        "Authorization",
        `Bearer ${TOKENS.all}`,
        "Authorization",
        `Bearer ${TOKENS.all}`,
      ];
      request({ host: hostname, port, path: "/v1/tenants", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });

  test.each(["/v1/..%2f..%2fetc/passwd", "/v1/queries/__proto__", "/v1/queries/constructor", "/v1/queries/%00"])(
    "for %s find nothing",
    async (path) => {
      expect([400, 404]).toContain((await fleet.send(path, undefined)).status);
    },
  );

  test("with hostile keys are only data", async () => {
    const { status } = await fleet.send(
      "/v1/query",
      '{"sql":"SELECT 1 AS n FROM $<tenant>_orders","__proto__":{"tenants":["beta"]}}',
      TOKENS.acme,
    );
    expect([200, 400]).toContain(status);
    expect(
      (await fleet.send("/v1/query", '{"sql":"SELECT 1","params":{"__proto__":1}}')).status,
    ).toBeGreaterThanOrEqual(200);
  });
});

describe("secrets", () => {
  test("are in no answer, no metric and no observation", async () => {
    const before = fleet.observations.length;
    const told = [
      await query("SELECT n FROM $<tenant>_raising"),
      await query("SELECT 1/(total - 10) AS n FROM $<tenant>_orders"),
      await query("SELECT wrong FROM $<tenant>_orders"),
      await query("SELECT total::text::int + 'x' AS n FROM $<tenant>_orders"),
      await fleet.send("/v1/explain", { sql: "SELECT n FROM $<tenant>_raising" }),
      await fleet.send("/metrics", undefined),
      await fleet.send("/v1/tenants", undefined),
      await fleet.send("/v1/openapi.json", undefined),
      await fleet.send("/v1/query", { sql: "SELECT 1 FROM $<tenant>_orders", tenants: "[broken" }),
    ];
    const { username, password, hostname, port } = new URL(fleet.federationUrl);
    const databases = [fleet.federationUrl, ...fleet.tenants.map(({ url }) => url)].map((url) =>
      new URL(url).pathname.slice(1),
    );
    const secrets = [
      CANARY,
      password,
      `${hostname}:${port}`,
      `port=${port}`,
      ...databases,
      ...Object.values(TOKENS),
    ].filter((secret) => secret !== "");
    const shown = JSON.stringify([
      told,
      fleet.observations.slice(before).map((observation) => JSON.stringify(observation)),
    ]);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    expect(shown).not.toMatch(new RegExp(`user(name)?["= ]+${username}`));
    expect(told[0]?.status).toBe(502);
  });
});
