import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AttackedFleet, openAttackedFleet } from "../support/attacked-fleet.ts";

// SQL of people who may ask and want more: all of it is refused, and nothing is changed.

let fleet: AttackedFleet;

beforeAll(async () => {
  fleet = await openAttackedFleet();
});

afterAll(async () => {
  await fleet?.close();
});

const query = (sql: string) => fleet.send("/v1/query", { sql });

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
        const { status, body } = await fleet.send(path, { sql });
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
