import type { Volatility } from "../../../src/postgres/function-names.ts";
import { createColumnLookups } from "../../../src/query/column-lookups.ts";
import { type CompiledQuery, type CompileOptions, compileTemplate } from "../../../src/sql/compile-template.ts";
import { print } from "../../../src/sql/deparse.ts";
import type { EvaluatedConstant, Folding } from "../../../src/sql/fold-constants.ts";
import type { Parser } from "../../../src/sql/parser.ts";
import { ALL_REWRITES } from "../../../src/sql/rewrites.ts";
import { scanTemplate } from "../../../src/template/scan.ts";
import type { Catalog } from "../../../src/types.ts";

export const FROM_MS = Date.UTC(2026, 10, 22, 8);
export const TO_MS = Date.UTC(2026, 10, 22, 14);

/** Names that a federation database has functions or types of, and no query may call. */
const DANGEROUS = /^(pg_|set_config|ts_stat|query_to_xml|reg|lo_|dblink|current_setting|nextval|row_of|status$|price$)/;

/** What the federation database would say at `TO_MS`, by expression; it refuses every other one. */
const VALUES: ReadonlyMap<string, EvaluatedConstant> = new Map(
  [
    ["now()", "2026-11-22 14:00:00.123456+00", "timestamp with time zone"],
    ["CURRENT_TIMESTAMP", "2026-11-22 14:00:00.123456+00", "timestamp with time zone"],
    ["LOCALTIMESTAMP", "2026-11-22 14:00:00.123456", "timestamp without time zone"],
    ["CURRENT_DATE", "2026-11-22", "date"],
    ["CURRENT_DATE - 7", "2026-11-15", "date"],
    ["'today'::date", "2026-11-22", "date"],
    ["now() - '5 min'::interval", "2026-11-22 13:55:00.123456+00", "timestamp with time zone"],
    ["now() + '1 hour'::interval", "2026-11-22 15:00:00.123456+00", "timestamp with time zone"],
    ["date_trunc('day', now())", "2026-11-22 00:00:00+00", "timestamp with time zone"],
    ["EXTRACT(EPOCH FROM now()) - 300", "1795355700.123456", "numeric"],
    ["to_timestamp(1795320000)", "2026-11-22 04:00:00+00", "timestamp with time zone"],
    ["concat('o''', 'hara')", "o'hara", "text"],
    ["now() > '2026-01-01'::timestamptz", "t", "boolean"],
    ["concat('__t', 'nt_0__')", "__tnt_0__", "text"],
    ["pg_typeof(now())", "timestamp with time zone", "regtype"],
  ].map(([expression = "", text = "", type = ""]) => [expression, { text, type }]),
);

const VOLATILITIES: ReadonlyMap<string, Volatility> = new Map([
  ...["now", "date_trunc", "extract", "to_timestamp", "concat", "pg_typeof", "-", "+", "<", ">"].map(
    (name): [string, Volatility] => [name, "stable"],
  ),
  ...["upper", "make_interval", "*", "/", "||"].map((name): [string, Volatility] => [name, "immutable"]),
]);

/** A federation database that knows `VALUES`; it tells the test which statements it was asked. */
export function sampleFolding(parser: Parser, asked: (sql: string) => void = () => {}): Folding {
  return {
    volatilityOf: (name) => VOLATILITIES.get(name),
    async evaluate(sql) {
      asked(sql);
      const statement = (await parser.parse(sql)).stmts?.[0]?.stmt;
      const targets =
        statement !== undefined && "SelectStmt" in statement ? (statement.SelectStmt.targetList ?? []) : [];
      const values = targets.flatMap((target) => {
        const text = print({ targetList: [target], limitOption: "LIMIT_OPTION_DEFAULT" }).replace(/^SELECT /, "");
        return VALUES.get(text) ?? [];
      });
      return values.length === targets.length ? values : null;
    },
  };
}

/** Compiles `sql` over `catalog` with a fixed range, interval and set of parameters. */
export async function compileSample(
  sql: string,
  catalog: Catalog,
  parser: Parser,
  overrides: Partial<CompileOptions> = {},
): Promise<CompiledQuery> {
  return compileTemplate(scanTemplate(sql), {
    columnsOf: createColumnLookups()(catalog, [...catalog.tenants.values()]),
    isFunction: (name) => DANGEROUS.test(name),
    parser,
    range: { fromMs: FROM_MS, toMs: TO_MS },
    intervalMs: 90_000,
    nowMs: TO_MS,
    params: new Map([
      ["kind", { type: "text", value: "o'hara" }],
      ["top", { type: "integer", value: 5 }],
      ["ratio", { type: "number", value: 0.5 }],
      ["open", { type: "boolean", value: true }],
      ["since", { type: "timestamp", value: "2026-11-22T08:00:00Z" }],
      ["none", { type: "text", value: null }],
    ]),
    tenantColumn: "tenant",
    allowFunctions: new Set(),
    rewrites: ALL_REWRITES,
    folding: sampleFolding(parser),
    ...overrides,
  });
}
