import { lookUpIn } from "../../../src/query/prepare-query.ts";
import { type CompiledQuery, compileTemplate } from "../../../src/sql/compile-template.ts";
import type { Parser } from "../../../src/sql/parser.ts";
import { ALL_REWRITES } from "../../../src/sql/rewrites.ts";
import { scanTemplate } from "../../../src/template/scan.ts";
import type { Catalog } from "../../../src/types.ts";

export const FROM_MS = Date.UTC(2026, 10, 22, 8);
export const TO_MS = Date.UTC(2026, 10, 22, 14);

/** Names that a federation database has functions or types of, and no query may call. */
const DANGEROUS = /^(pg_|set_config|ts_stat|query_to_xml|reg|lo_|dblink|current_setting|nextval|row_of|status$|price$)/;

/** Compiles `sql` over `catalog` with a fixed range, interval and set of parameters. */
export async function compileSample(sql: string, catalog: Catalog, parser: Parser): Promise<CompiledQuery> {
  return compileTemplate(scanTemplate(sql), {
    ...lookUpIn(catalog, [...catalog.tenants.values()]),
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
  });
}
