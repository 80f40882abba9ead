import type { Mistake } from "../config/mistakes.ts";
import type { Config, NamedQuery } from "../config/schema.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { isFleetRelation } from "../sql/analyse-blocks.ts";
import type { RangeVar } from "../sql/ast.ts";
import { LOCAL_SCHEMA } from "../sql/check-template.ts";
import { compileTemplate } from "../sql/compile-template.ts";
import { createParser, type Parser } from "../sql/parser.ts";
import { scanTemplate } from "../template/scan.ts";
import { localPlaces } from "../tenants/build-catalog.ts";
import { placeText } from "../tenants/layout.ts";
import type { ParamDeclarationValue } from "../types.ts";

// What no catalog would change. Whether relations and columns exist, and what follows from it, only the tenants know.
const CERTAIN: ReadonlySet<ErrorCode> = new Set([
  "QUERY_SYNTAX",
  "QUERY_FORBIDDEN",
  "MACRO_UNKNOWN",
  "MACRO_ARGUMENTS",
  "PARAM_INVALID",
  "TEMPLATE_PLACEHOLDER",
  "TEMPLATE_SELECTOR",
]);

const RANGE = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 1, 1) };

/** The named queries that cannot run whatever the tenants' tables are, found without connecting to anything. */
export async function queryMistakes(config: Config): Promise<readonly Mistake[]> {
  const parser = createParser({ observe: () => undefined });
  try {
    const found = await Promise.all(
      Object.entries(config.queries).map(async ([name, query]) => {
        const text = await mistakeOf(query, config, parser);
        return text === null ? [] : [{ path: ["queries", name, "sql"], text }];
      }),
    );
    return found.flat();
  } finally {
    await parser.close();
  }
}

async function mistakeOf(query: NamedQuery, { tenants, guard }: Config, parser: Parser): Promise<string | null> {
  const allowed = new Set(localPlaces(guard).map(placeText));
  const isAllowed = ({ schemaname = LOCAL_SCHEMA, relname = "" }: RangeVar) =>
    allowed.has(placeText({ schema: schemaname, name: relname }));
  try {
    await compileTemplate(scanTemplate(query.sql), {
      parser,
      range: RANGE,
      nowMs: RANGE.toMs,
      intervalMs: query.interval,
      params: sampleParams(query),
      tenantColumn: tenants.tenantColumn,
      allowFunctions: new Set(guard.allowFunctions),
      rewrites: new Set(),
      folding: null,
      isFunction: () => false,
      columnsOf: (relation) => (isFleetRelation(relation) || isAllowed(relation) ? new Map() : null),
    });
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (!CERTAIN.has(error.code)) return null;
    const { message, position } = error;
    return position === undefined ? message : `${message}, at line ${position.line}, column ${position.column} of it`;
  }
}

function sampleParams({ params }: NamedQuery): ReadonlyMap<string, ParamDeclarationValue> {
  return new Map(
    Object.entries(params).map(([name, { type, default: fallback, values }]) => [
      name,
      { type, value: fallback ?? values?.[0] ?? null },
    ]),
  );
}
