import { createHash } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Observation } from "../../src/observation.ts";
import { type FleetApp, openFleet } from "../support/app.ts";

// Attacks of people who may ask, through HTTP: nothing but the callers' own tenants is read, nothing is changed, no secret is told.
// The sessions belong to a superuser, so what stops an attack here is Tenantry alone, not the database's grants.

const NAMES = ["acme", "beta", "qu'o\"te", "do$1llar", "ünï"] as const;
const CANARY = "canary7f3a9";
const TOKENS = { all: "token-of-all", acme: "token-of-acme", pro: "token-of-pro" } as const;
const DDL = `CREATE TABLE orders (id int, total numeric); INSERT INTO orders VALUES (1, 10);
  CREATE TABLE secrets (word text); INSERT INTO secrets VALUES ('${CANARY}-data');
  CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '${CANARY} raised'; END $$;
  CREATE VIEW raising AS SELECT boom() AS n;`;

let fleet: FleetApp & { readonly close: () => Promise<void> };
const observations: Observation[] = [];

beforeAll(async () => {
  const token = (name: keyof typeof TOKENS, tenants: string) => ({
    name,
    tenants,
    sha256: createHash("sha256").update(TOKENS[name]).digest("hex"),
  });
  fleet = await openFleet(NAMES, {
    ddl: { ...Object.fromEntries(NAMES.map((name) => [name, DDL])), acme: DDL.replace(`${CANARY}-data`, "plain") },
    labels: { acme: { plan: "pro", "o'dd \"key$1": "va'l\"ue $<tenant>" } },
    observe: (observation) => observations.push(observation),
    config: {
      auth: { tokens: [token("all", "*"), token("acme", "acme"), token("pro", "plan=pro")] },
      queries: { totals: { sql: "SELECT sum(total) AS value FROM $<tenant>_orders", export: { name: "totals" } } },
    },
  });
});

afterAll(async () => {
  await fleet?.close();
});

interface Told {
  readonly status: number;
  /** Status line, headers and body. */
  readonly text: string;
  readonly body: string;
}

async function ask(
  path: string,
  body: unknown,
  token: string | null = TOKENS.all,
  headers: Record<string, string> = {},
): Promise<Told> {
  const response = await fetch(`${fleet.url}${path}`, {
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text,
    text: `${response.statusText}\n${JSON.stringify([...response.headers])}\n${text}`,
  };
}

const query = (sql: string, token?: string) => ask("/v1/query", { sql }, token);

/** Everything in the databases that an attack could have changed. */
async function state(): Promise<string> {
  const tenants = await fleet.onEachTenant(
    `SELECT (SELECT count(*)::int FROM orders) AS orders, (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS tables`,
  );
  const federation = await fleet.onFederation(
    "SELECT (SELECT count(*)::int FROM pg_class) AS classes, (SELECT count(*)::int FROM pg_proc) AS procs, (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks",
  );
  return JSON.stringify([tenants, federation]);
}

const REFUSED = [
  "commit; select 1",
  "select 1; delete from acme_orders",
  "select 1 /* ; */; drop table acme_orders",
  "select 1 /* /* nested */ ; */ ; select set_config('statement_timeout', '0', false) -- */",
  "select 1;;commit",
  "begin",
  "set statement_timeout = 0",
  "reset all",
  "show all",
  "explain analyze select 1",
  "copy acme_orders to stdout",
  "copy (select 1) to program 'id'",
  "do $$ begin perform 1; end $$",
  "prepare x as select 1",
  "listen x",
  "declare c cursor with hold for select 1",
  "table acme_orders",
  "delete from $<tenant>_orders",
  "insert into $<tenant>_orders values (2, 2)",
  "update $<tenant>_orders set total = 0 returning 1",
  "with x as (delete from $<tenant>_orders returning id) select id from x",
  "with x as (update $<tenant>_orders set total = 0 returning id) select id from x",
  "select id into temp stolen from $<tenant>_orders",
  "select id from $<tenant>_orders for update",
  "select id from $<tenant>_orders tablesample system (1)",
  // Relations that are not the caller's to name.
  "select * from acme_orders",
  "select * from public.beta_orders",
  'select * from "beta_orders"',
  'select * from U&"\\0062eta_orders"',
  "select * from beta_secrets, $<tenant>_orders",
  "select (select word from beta_secrets limit 1) from $<tenant>_orders",
  "select 1 from $<tenant>_orders where exists (select from public/**/./**/beta_secrets)",
  "select * from pg_class",
  "select * from pg_catalog.pg_user_mapping",
  "select umoptions from pg_user_mappings",
  "select srvoptions from pg_catalog.pg_foreign_server",
  "select * from pg_stat_activity",
  "select * from information_schema.tables",
  "select * from $<tenant>.pg_class",
  "select * from pg_$<tenant>",
  "select * from postgres.public.beta_orders",
  // pg-promise's placeholders, if any formatter of ours were to see them.
  "select '$<this:json>' from $<tenant>_orders",
  "select '$<this>' || $<tenant:raw^> from $<tenant>_orders",
  "select * from $<tenant:name>_orders where $<this:raw>",
  "select * from ${tenant}_orders",
  "select * from $(tenant)_orders",
  "select * from $/tenant/_orders",
  "select $1 from $<tenant>_orders",
  // Functions.
  ...[
    "query_to_xml('select 1', true, false, '')",
    "query_to_xml($x$select word from beta_secrets$x$, true, false, '')",
    "table_to_xml('beta_secrets', true, false, '')",
    "database_to_xml(true, false, '')",
    "ts_stat('select to_tsvector(word) from beta_secrets')",
    "ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')",
    "pg_read_file('/etc/passwd')",
    "pg_ls_dir('.')",
    "lo_import('/etc/passwd')",
    "lo_create(0)",
    "lo_from_bytea(0, 'x')",
    "pg_reload_conf()",
    "set_config('default_transaction_read_only', 'off', false)",
    "current_setting('data_directory')",
    "version()",
    "inet_server_addr()",
    "pg_sleep(1)",
    "pg_sleep_for('1s')",
    "pg_advisory_lock(1)",
    "pg_notify('x', 'y')",
    "pg_export_snapshot()",
    "txid_current()",
    "nextval('x')",
    "pg_terminate_backend(1)",
    "postgres_fdw_disconnect_all()",
    "postgres_fdw_get_connections()",
    "dblink('x', 'select 1')",
    "to_regclass('beta_secrets')",
    "has_table_privilege('beta_secrets', 'select')",
    "pg_get_viewdef('pg_user')",
    "pg_database_size('postgres')",
    "pg_stat_get_activity(NULL)",
    "current_user",
    "session_user",
    "current_catalog",
    "current_schema",
    "pg_catalog.set_config('a.b', 'c', false)",
    'pg_catalog."pg_sleep"(1)',
    "public.boom()",
    "'beta_secrets'::regclass",
    "cast('beta_secrets' as pg_catalog.regclass)",
    "1 operator(public.+) 1",
    "o.pg_column_size",
    "(o).pg_relation_size",
    "o.tableoid",
    "o.ctid",
  ].map((expression) => `select ${expression} from $<tenant>_orders o`),
  "select * from pg_ls_dir('.') x, $<tenant>_orders",
  "select * from rows from (pg_ls_dir('.')) x, $<tenant>_orders",
  "select id from $<tenant>_orders order by pg_sleep(1)",
  "select id from $<tenant>_orders limit pg_backend_pid()",
  "select 'x' collate public.evil from $<tenant>_orders",
  "select xmltable.* from $<tenant>_orders, xmltable('/a' passing '<a/>' columns b text)",
  "select 1\u0000; drop table acme_orders",
  "select \ud800 from $<tenant>_orders",
  "select * from аcme_orders",
];

describe("SQL", () => {
  test("that is not one SELECT over the caller's tenants is refused, and changes nothing", async () => {
    const before = await state();
    const outcomes: (readonly [string, number, string])[] = [];
    for (const sql of REFUSED) {
      for (const path of ["/v1/query", "/v1/explain"]) {
        const { status, body } = await ask(path, { sql });
        if (![400, 422].includes(status)) outcomes.push([sql, status, `${path}: ${body}`]);
      }
    }
    expect(outcomes).toEqual([]);
    expect(await state()).toBe(before);
  });

  test("placeholders and semicolons in literals are text", async () => {
    const sql =
      "SELECT '; drop table acme_orders; --' AS a, '${x} $(y) $/z/ $1' AS b, '$<tenant>' AS tenant FROM $<tenant:acme>_orders";
    expect(JSON.parse((await query(sql)).body)).toEqual([
      { a: "; drop table acme_orders; --", b: "${x} $(y) $/z/ $1", tenant: "acme" },
    ]);
  });

  test("thousands of terms do not break the parser for those who come after", async () => {
    const deep = `SELECT ${"1+".repeat(12_000)}1 AS n FROM $<tenant>_orders`;
    const nested = `SELECT ${"(".repeat(5_000)}1${")".repeat(5_000)} AS n FROM $<tenant>_orders`;
    for (let round = 0; round < 6; round += 1) {
      for (const sql of [deep, nested]) expect([400, 413, 422]).toContain((await query(sql)).status);
    }
    expect((await query("SELECT 1 AS n FROM $<tenant>_orders")).status).toBe(200);
  });
});

describe("names", () => {
  test("with quotes, dollars and other letters are only names", async () => {
    const { body } = await query("SELECT id, 'x$<tenant>' AS x, length($<tenant>) AS n FROM $<tenant>_orders");
    const rows: { tenant: string; x: string }[] = JSON.parse(body);
    expect(rows.map(({ tenant }) => tenant).sort()).toEqual([...NAMES].sort());
    for (const { tenant, x } of rows) expect(x).toBe(`x${tenant}`);
    const once = JSON.parse((await query("SELECT tenant FROM (SELECT id FROM $<tenant>_orders) t")).body);
    expect(once).toHaveLength(NAMES.length);
  });

  test.each(NAMES)("%s can be asked for by name", async (name) => {
    const { body } = await ask("/v1/query", { sql: "SELECT id FROM $<tenant>_orders", tenants: [name] });
    expect(JSON.parse(body)).toEqual([{ id: 1, tenant: name }]);
    const encoded = encodeURIComponent(JSON.stringify([name]));
    expect((await ask(`/v1/query?sql=SELECT+id+FROM+%24%3Ctenant%3E_orders&tenants=${encoded}`, undefined)).body).toBe(
      body,
    );
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
    const { status, body } = await ask("/v1/query", { sql: "SELECT id FROM $<tenant>_orders", tenants: [name] });
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
      await ask("/", undefined, TOKENS.acme),
      await ask("/", undefined, TOKENS.acme, { accept: "text/html" }),
      await ask("/readyz", undefined, TOKENS.acme),
      await ask("/metrics", undefined, TOKENS.acme),
      await ask("/v1/query", { sql }, TOKENS.acme),
      await ask("/v1/query", { sql, format: "frame" }, TOKENS.acme),
      await ask("/v1/query", { sql: "SELECT word FROM $<tenant>_secrets" }, TOKENS.acme),
      await ask("/v1/query", { sql: "SELECT x FROM $<tenant>_nothing" }, TOKENS.acme),
      await ask("/v1/queries", undefined, TOKENS.acme),
      await ask("/v1/queries/totals", undefined, TOKENS.acme),
      await ask("/v1/explain", { sql }, TOKENS.acme),
      await ask("/v1/tenants", undefined, TOKENS.acme),
      await ask("/v1/openapi.json", undefined, TOKENS.acme),
      await ask("/grafana", undefined, TOKENS.acme),
      await ask("/grafana/query", simpod, TOKENS.acme),
      await ask("/grafana/metrics", {}, TOKENS.acme),
      await ask("/grafana/metric-payload-options", { metric: "sql", name: "tenants" }, TOKENS.acme),
      await ask("/grafana/variable", { payload: { target: "tenants" } }, TOKENS.acme),
      await ask("/grafana/variable", { payload: { target: "labels.plan" } }, TOKENS.acme),
      await ask("/grafana/variable", { payload: { target: "SELECT tenant FROM $<tenant>_orders" } }, TOKENS.acme),
      await ask("/grafana/search", { target: "" }, TOKENS.acme),
      await ask("/grafana/annotations", { annotation: { query: sql }, range: simpod.range }, TOKENS.acme),
      await ask("/grafana/tag-keys", {}, TOKENS.acme),
      await ask("/grafana/tag-values", { key: "tenant" }, TOKENS.acme),
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
      const hidden = plain(await ask("/v1/query", body("beta"), TOKENS.acme));
      expect(hidden).toEqual(plain(await ask("/v1/query", body("nope"), TOKENS.acme)));
    }
  });

  test("is not served what a token of all was served", async () => {
    const body = { sql: "SELECT word FROM $<tenant>_secrets" };
    expect((await ask("/v1/query", body)).body).toContain(CANARY);
    expect((await ask("/v1/query", body, TOKENS.acme)).body).toBe('[{"word":"plain","tenant":"acme"}]');
    expect((await ask("/v1/query", body, TOKENS.pro)).body).toBe('[{"word":"plain","tenant":"acme"}]');
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
      const { status } = await ask(path, undefined, null, headers);
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
      expect([400, 404]).toContain((await ask(path, undefined)).status);
    },
  );

  test("with hostile keys are only data", async () => {
    const { status } = await ask(
      "/v1/query",
      '{"sql":"SELECT 1 AS n FROM $<tenant>_orders","__proto__":{"tenants":["beta"]}}',
      TOKENS.acme,
    );
    expect([200, 400]).toContain(status);
    expect((await ask("/v1/query", '{"sql":"SELECT 1","params":{"__proto__":1}}')).status).toBeGreaterThanOrEqual(200);
  });
});

describe("secrets", () => {
  test("are in no answer, no metric and no observation", async () => {
    observations.length = 0;
    const told = [
      await query("SELECT n FROM $<tenant>_raising"),
      await query("SELECT 1/(total - 10) AS n FROM $<tenant>_orders"),
      await query("SELECT wrong FROM $<tenant>_orders"),
      await query("SELECT total::text::int + 'x' AS n FROM $<tenant>_orders"),
      await ask("/v1/explain", { sql: "SELECT n FROM $<tenant>_raising" }),
      await ask("/metrics", undefined),
      await ask("/v1/tenants", undefined),
      await ask("/v1/openapi.json", undefined),
      await ask("/v1/query", { sql: "SELECT 1 FROM $<tenant>_orders", tenants: "[broken" }),
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
    const shown = JSON.stringify([told, observations.map((observation) => JSON.stringify(observation))]);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    expect(shown).not.toMatch(new RegExp(`user(name)?["= ]+${username}`));
    expect(told[0]?.status).toBe(502);
  });
});
