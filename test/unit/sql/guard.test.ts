import { afterAll, describe, expect, it } from "vitest";
import { ALLOWED_FUNCTIONS } from "../../../src/sql/allowed-functions.ts";
import { kindOf, type Node, walk } from "../../../src/sql/ast.ts";
import { ALLOWED_NODES, guardTree } from "../../../src/sql/guard.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { KIND_EXAMPLES } from "./kind-examples.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

async function rootOf(sql: string): Promise<Node> {
  const statement = (await parser.parse(sql)).stmts?.[0]?.stmt;
  if (statement === undefined) throw new Error(`no statement in ${sql}`);
  return statement;
}

/** What the guard says to a query over columns a and b; null when it lets the query pass. */
async function refusal(sql: string, allowFunctions: readonly string[] = []): Promise<string | null> {
  const root = await rootOf(sql);
  try {
    guardTree(root, {
      allowFunctions: new Set(allowFunctions),
      isFunction: (name) => !["a", "b", "given", "nosuch"].includes(name),
      isMacro: (name) => name === "__tnt_m_x",
      positionOf: () => undefined,
    });
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "QUERY_FORBIDDEN"
      ? error.message
      : String(error);
  }
}

describe("kinds of nodes", () => {
  it("has an example for each allowed kind, and none besides", () => {
    expect(Object.keys(KIND_EXAMPLES).sort()).toEqual([...ALLOWED_NODES].sort());
  });

  // Taken from the list, the kind would be refused: the guard looks at every node that `walk` gives.
  it.each(Object.entries(KIND_EXAMPLES))("needs %s", async (kind, sql) => {
    const kinds = new Set<string>();
    walk(await rootOf(sql), (node) => {
      kinds.add(kindOf(node));
      return true;
    });
    expect(kinds).toContain(kind);
    expect(await refusal(sql)).toBeNull();
  });

  it.each([
    ["SELECT a FROM t FOR UPDATE", "FOR UPDATE and FOR SHARE are not allowed"],
    ["SELECT a FROM (SELECT a FROM t FOR SHARE) s", "FOR UPDATE and FOR SHARE are not allowed"],
    ["SELECT a INTO x FROM t", "SELECT INTO is not allowed"],
    ["SELECT a INTO TEMP x FROM t", "SELECT INTO is not allowed"],
    ["SELECT $1", "parameters such as $1 are not allowed"],
    ["SELECT a FROM t TABLESAMPLE system (1)", "RangeTableSample is not allowed here"],
    ["SELECT * FROM xmltable('/a' PASSING b COLUMNS c int)", "RangeTableFunc is not allowed here"],
    ["SELECT * FROM json_table('{}', '$' COLUMNS (a int))", "JsonTable is not allowed here"],
    ["SELECT xmlelement(name a)", "XmlExpr is not allowed here"],
    ["SELECT xmlserialize(CONTENT a AS text)", "XmlSerialize is not allowed here"],
    ["SELECT json_value('{}', '$')", "JsonFuncExpr is not allowed here"],
    ["SELECT json_object('a': 1)", "JsonObjectConstructor is not allowed here"],
    ["SELECT merge_action()", "MergeSupportFunc is not allowed here"],
    ["VALUES (DEFAULT)", "SetToDefault is not allowed here"],
    ["WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d", "a WITH query that writes is not allowed"],
    ["WITH d AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM d", "a WITH query that writes is not allowed"],
    ["SELECT (WITH d AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM d)", "a WITH query that writes is not allowed"],
  ])("refuses %s", async (sql, message) => {
    expect(await refusal(sql)).toBe(message);
  });
});

describe("statements", () => {
  it.each([
    ["INSERT INTO t VALUES (1)", "INSERT"],
    ["UPDATE t SET a = 1", "UPDATE"],
    ["DELETE FROM t", "DELETE"],
    ["MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE"],
    ["COPY t TO STDOUT", "COPY"],
    ["COPY (SELECT 1) TO PROGRAM 'id'", "COPY"],
    ["EXPLAIN ANALYZE SELECT 1", "EXPLAIN"],
    ["SET statement_timeout = 0", "SET"],
    ["SET ROLE postgres", "SET"],
    ["RESET ALL", "SET"],
    ["SHOW ALL", "SHOW"],
    ["COMMIT", "a transaction command"],
    ["DO $$ BEGIN END $$", "DO"],
    ["PREPARE p AS SELECT 1", "PREPARE"],
    ["EXECUTE p", "EXECUTE"],
    ["LISTEN x", "LISTEN"],
    ["DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARECURSOR"],
    ["CALL p()", "CALL"],
    ["CREATE TABLE x (a int)", "CREATE"],
    ["DROP TABLE x", "DROP"],
    ["TRUNCATE t", "TRUNCATE"],
    ["LOCK TABLE t", "LOCK"],
    ["GRANT ALL ON t TO public", "GRANT"],
    ["VACUUM", "VACUUM"],
    ["DISCARD ALL", "DISCARD"],
  ])("refuses %s", async (sql, name) => {
    expect(await refusal(sql)).toBe(`${name} is not allowed`);
  });

  it("lets VALUES, TABLE and set operations pass", async () => {
    for (const sql of ["VALUES (1)", "TABLE t", "SELECT 1 UNION SELECT 2"]) expect(await refusal(sql)).toBeNull();
  });
});

/** Functions with which queries reached other tenants' rows, files, sessions or settings, or ran SQL from a string. */
const DANGEROUS = `
  query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml schema_to_xml database_to_xml cursor_to_xml
  ts_stat ts_rewrite pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export lo_create lo_from_bytea
  lo_get lo_put pg_reload_conf pg_rotate_logfile set_config current_setting version inet_server_addr inet_client_addr
  pg_sleep pg_sleep_for pg_sleep_until pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_notify
  pg_export_snapshot txid_current pg_current_xact_id nextval setval currval lastval pg_terminate_backend pg_cancel_backend
  postgres_fdw_disconnect_all postgres_fdw_disconnect postgres_fdw_get_connections dblink dblink_exec
  pg_stat_get_activity to_regclass to_regproc to_regtype to_regrole has_table_privilege has_database_privilege
  pg_get_viewdef pg_get_functiondef pg_get_userbyid pg_database_size pg_relation_size pg_total_relation_size
  pg_relation_filepath pg_show_all_settings pg_stat_get_backend_activity pg_logical_emit_message pg_create_restore_point
  current_database current_schema current_schemas pg_backend_pid pg_postmaster_start_time obj_description
  col_description row_security_active pg_table_is_visible json_populate_record jsonb_populate_recordset
  pg_input_is_valid pg_input_error_info
`
  .trim()
  .split(/\s+/);

describe("functions", () => {
  it.each(DANGEROUS)("refuses %s", async (name) => {
    expect(await refusal(`SELECT ${name}(a)`)).toBe(`the function ${name} is not allowed`);
    expect(await refusal(`SELECT a FROM t, ${name}(b) x`)).toBe(`the function ${name} is not allowed`);
    expect(await refusal(`SELECT pg_catalog.${name}(a)`)).toBe(`the function pg_catalog.${name} is not allowed`);
    expect(await refusal(`SELECT o.${name} FROM t o`)).toBe(
      `o.${name} could be a call of the function ${name}, which is not allowed`,
    );
    expect(await refusal(`SELECT (o).${name} FROM t o`)).toBe(
      `${name} could be a call of the function ${name}, which is not allowed`,
    );
  });

  it("has none on its list that takes a reg* argument, runs SQL or reads the session", () => {
    const suspicious =
      /^(pg_(?!typeof$)|to_reg|has_|set_config|current_setting|txid|lo_|dblink|.*_to_xml|ts_stat|ts_rewrite)/;
    expect([...ALLOWED_FUNCTIONS].filter((name) => suspicious.test(name))).toEqual([]);
  });

  it("lets the listed ones pass, with and without their schema, and in every clause", async () => {
    expect(await refusal("SELECT lower(a), pg_catalog.upper(b) FROM t WHERE abs(a) > 1 ORDER BY length(b)")).toBeNull();
    expect(await refusal("SELECT count(*) FILTER (WHERE a), sum(a) OVER (ORDER BY b) FROM t")).toBeNull();
  });

  it("finds a call wherever it hides", async () => {
    for (const sql of [
      "SELECT 1 FROM t WHERE pg_sleep(1) IS NULL",
      "SELECT 1 FROM t GROUP BY pg_sleep(1)",
      "SELECT 1 FROM t HAVING pg_sleep(1) IS NULL",
      "SELECT 1 FROM t ORDER BY pg_sleep(1)",
      "SELECT 1 FROM t LIMIT pg_sleep(1)",
      "SELECT 1 FROM t OFFSET pg_sleep(1)",
      "SELECT DISTINCT ON (pg_sleep(1)) 1 FROM t",
      "SELECT 1 FROM t JOIN u ON pg_sleep(1) IS NULL",
      "SELECT 1 FROM t, ROWS FROM (pg_sleep(1)) x",
      "SELECT count(*) FILTER (WHERE pg_sleep(1) IS NULL) FROM t",
      "SELECT count(*) OVER (PARTITION BY pg_sleep(1)) FROM t",
      "SELECT count(*) OVER w FROM t WINDOW w AS (ORDER BY pg_sleep(1))",
      "SELECT sum(a) OVER (ORDER BY a ROWS pg_sleep(1) PRECEDING) FROM t",
      "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pg_sleep(1)) FROM t",
      "SELECT string_agg(a, b ORDER BY pg_sleep(1)) FROM t",
      "SELECT CASE pg_sleep(1) WHEN 1 THEN 2 END",
      "SELECT CASE WHEN true THEN pg_sleep(1) ELSE 2 END",
      "SELECT COALESCE(1, pg_sleep(1))",
      "SELECT ARRAY[pg_sleep(1)]",
      "SELECT (ARRAY[1])[pg_sleep(1)]",
      "SELECT ROW(pg_sleep(1))",
      "SELECT a IN (1, pg_sleep(1)) FROM t",
      "SELECT a BETWEEN 1 AND pg_sleep(1) FROM t",
      "SELECT make_interval(secs => pg_sleep(1))",
      "VALUES (1), (pg_sleep(1))",
      "WITH c AS (SELECT pg_sleep(1)) SELECT 1",
      "SELECT 1 UNION SELECT pg_sleep(1)",
      "SELECT EXISTS (SELECT pg_sleep(1))",
      "SELECT a::numeric(pg_sleep(1)) FROM t",
      "SELECT 1 GROUP BY GROUPING SETS ((pg_sleep(1)))",
    ])
      expect(await refusal(sql), sql).toBe("the function pg_sleep is not allowed");
  });

  it("lets an operator allow more, by name or by schema and name", async () => {
    expect(await refusal("SELECT total(a), fleet.score(b)", ["total", "fleet.score"])).toBeNull();
    expect(await refusal("SELECT score(b)", ["fleet.score"])).toBe("the function score is not allowed");
    expect(await refusal("SELECT other.total(a)", ["total"])).toBe("the function other.total is not allowed");
    expect(await refusal("SELECT other.lower(a)")).toBe("the function other.lower is not allowed");
  });

  it("knows macros by their reserved names only", async () => {
    expect(await refusal("SELECT __tnt_m_x(a)")).toBeNull();
    expect(await refusal("SELECT pg_catalog.__tnt_m_x(a)")).toBe("the function pg_catalog.__tnt_m_x is not allowed");
  });
});

describe("types, columns and operators", () => {
  it.each([
    "regclass",
    "regproc",
    "regprocedure",
    "regrole",
    "regnamespace",
    "regtype",
    "regoper",
    "regconfig",
    "pg_lsn",
    "aclitem",
    "xid",
    "tid",
    "unknown",
    "anyelement",
    "fleet.mood",
    "public.text",
  ])("refuses a cast to %s", async (type) => {
    const message = `the type ${type} is not allowed`;
    expect(await refusal(`SELECT 'x'::${type}`)).toBe(message);
    expect(await refusal(`SELECT CAST(a AS ${type}[]) FROM t`)).toBe(message);
    expect(await refusal(`SELECT ${type} 'x'`)).toBe(message);
    expect(await refusal(`SELECT * FROM json_to_record('{}') AS j(x ${type})`, ["json_to_record"])).toBe(message);
  });

  it.each(["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"])("refuses the system column %s", async (name) => {
    const message = `the system column ${name} is not allowed`;
    expect(await refusal(`SELECT ${name} FROM t`)).toBe(message);
    expect(await refusal(`SELECT t.${name} FROM t`)).toBe(message);
    expect(await refusal(`SELECT 1 FROM t WHERE t.${name} IS NULL`)).toBe(message);
    expect(await refusal(`SELECT (t).${name} FROM t`)).toBe(message);
  });

  it("refuses a qualified name that PostgreSQL could call as a function", async () => {
    expect(await refusal("SELECT t.a, fleet.t.b FROM t")).toBeNull();
    expect(await refusal("SELECT o.table_to_xml FROM t o")).toBe(
      "o.table_to_xml could be a call of the function table_to_xml, which is not allowed",
    );
    expect(await refusal("SELECT s.given FROM (SELECT 1 AS given) s")).toBeNull();
    // A name that the template gives does not vouch for itself: t.ts_stat runs SQL from a string.
    const vouching = "SELECT t.ts_stat FROM unnest(ARRAY['select 1']) AS t, (SELECT 1 AS ts_stat) z";
    expect(await refusal(vouching)).toBe("t.ts_stat could be a call of the function ts_stat, which is not allowed");
    expect(await refusal("SELECT t.regclass FROM t")).toBe(
      "t.regclass could be a call of the function regclass, which is not allowed",
    );
    // A function of the list may be called in any notation.
    expect(await refusal("SELECT o.row_to_json FROM t o")).toBeNull();
  });

  it("refuses operators of other schemas", async () => {
    const message = `the operator's schema "fleet" is not allowed`;
    expect(await refusal("SELECT a OPERATOR(pg_catalog.+) b FROM t")).toBeNull();
    expect(await refusal("SELECT a OPERATOR(fleet.+) b FROM t")).toBe(message);
    expect(await refusal("SELECT 1 FROM t ORDER BY a USING OPERATOR(fleet.<)")).toBe(message);
    expect(await refusal("SELECT a OPERATOR(fleet.=) ANY (SELECT 1) FROM t")).toBe(message);
  });

  it("refuses collations of other schemas, and what tells the session", async () => {
    expect(await refusal(`SELECT a COLLATE pg_catalog."C" FROM t`)).toBeNull();
    expect(await refusal(`SELECT a COLLATE fleet."C" FROM t`)).toBe(`the collation's schema "fleet" is not allowed`);
    for (const value of ["current_user", "session_user", "user", "current_role", "current_catalog", "current_schema"])
      expect(await refusal(`SELECT ${value}`)).toBe(
        "functions that tell the session's role or database are not allowed",
      );
    for (const value of ["current_date", "current_timestamp", "localtime(3)"])
      expect(await refusal(`SELECT ${value}`)).toBeNull();
  });
});
