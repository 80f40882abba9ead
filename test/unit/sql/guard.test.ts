import { afterAll, describe, expect, it } from "vitest";
import { ALLOWED_FUNCTIONS } from "../../../src/sql/allowed-functions.ts";
import { kindOf, walk } from "../../../src/sql/ast.ts";
import { GUARD_TABLES } from "../../../src/sql/guard-tables.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { DANGEROUS_FUNCTIONS, REFUSED_QUERIES, REFUSED_STATEMENTS } from "./guard-cases.ts";
import { guardOutcome, rootOf } from "./guard-outcome.ts";
import { KIND_EXAMPLES } from "./kind-examples.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const refusal = (sql: string, allowFunctions: readonly string[] = []) => guardOutcome(sql, parser, { allowFunctions });

describe("kinds of nodes", () => {
  it("has an example for each allowed kind, and none besides", () => {
    expect(Object.keys(KIND_EXAMPLES).sort()).toEqual([...GUARD_TABLES.nodes].sort());
  });

  // Taken from the list, the kind would be refused: the guard looks at every node that `walk` gives.
  it.each(Object.entries(KIND_EXAMPLES))("needs %s", async (kind, sql) => {
    const kinds = new Set<string>();
    walk(await rootOf(sql, parser), (node) => {
      kinds.add(kindOf(node));
      return true;
    });
    expect(kinds).toContain(kind);
    expect(await refusal(sql)).toBeNull();
  });

  it.each(REFUSED_QUERIES)("refuses %s", async (sql, message) => {
    expect(await refusal(sql)).toBe(message);
  });
});

describe("statements", () => {
  it.each(REFUSED_STATEMENTS)("refuses %s", async (sql, name) => {
    expect(await refusal(sql)).toBe(`${name} is not allowed`);
  });

  it("lets VALUES, TABLE and set operations pass", async () => {
    for (const sql of ["VALUES (1)", "TABLE t", "SELECT 1 UNION SELECT 2"]) expect(await refusal(sql)).toBeNull();
  });
});

describe("functions", () => {
  it.each(DANGEROUS_FUNCTIONS)("refuses %s", async (name) => {
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

  it("lets format fill in values, and an operator allow all of it", async () => {
    expect(await refusal("SELECT format('100%% of %s: %2$I %L', a, b) FROM t")).toBeNull();
    expect(await refusal("SELECT a::char(20), b::bit(8) FROM t")).toBeNull();
    expect(await refusal("SELECT format(a, b) FROM t", ["format"])).toBeNull();
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
