import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { cacheKey } from "../cache/cache-key.ts";
import { AppError } from "../errors.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { encodeTable } from "../frames/encode-table.ts";
import type { EncodedAnswer } from "../frames/encoded-answer.ts";
import type { Observe } from "../observation.ts";
import { selectTenants } from "../plan/select-tenants.ts";
import type { TypeNames } from "../postgres/column-types.ts";
import { compileTemplate } from "../sql/compile-template.ts";
import type { Parser } from "../sql/parser.ts";
import { scanTemplate } from "../template/scan.ts";
import type { Answer, Catalog, CatalogTenant, Coverage, Notice, Principal, QueryRequest, Stage } from "../types.ts";
import { satisfies, tenantsFailed } from "./coverage.ts";
import { executePlan } from "./execute-plan.ts";
import { mergeAnswer } from "./merge-answer.ts";
import { createDescribe, lookUpIn, planBlocks } from "./prepare-query.ts";

export interface QueryContext {
  readonly catalog: () => Catalog;
  readonly parser: Parser;
  readonly executor: FleetExecutor;
  readonly typeNames: TypeNames;
  readonly cache: AnswerCache<CachedQuery>;
  readonly settings: QuerySettings;
  readonly observe: Observe;
  readonly now: () => number;
}

export interface QuerySettings {
  readonly tenantColumn: string;
  readonly allowFunctions: ReadonlySet<string>;
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly onLimit: "cut" | "refuse";
  readonly sqlBytes: number;
}

/** What the cache keeps of an answer: its bytes, and how complete it is. */
export interface CachedQuery {
  readonly encoded: EncodedAnswer;
  readonly coverage: Coverage;
  readonly notices: readonly Notice[];
}

type Timed = <T>(stage: Stage, work: () => Promise<T> | T) => Promise<T>;

/**
 * The whole life of a query, top to bottom. The answer's key is made before the template is read, so that a hit costs a hash: it holds
 * the exact text, the range, and the very tenants that this caller may see and asks for.
 */
export async function runQuery(
  request: QueryRequest,
  principal: Principal,
  context: QueryContext,
  signal: AbortSignal,
): Promise<Answer> {
  const started = performance.now();
  refuseLongSql(request.sql, context.settings.sqlBytes);
  const { timings, timed } = stopwatch(context.observe);
  const catalog = context.catalog();
  const tenants = selectTenants(catalog, principal, request.tenants);
  const policy = {
    ttlMs: request.cacheTtlMs,
    accepts: (cached: CachedQuery) => satisfies(cached.coverage, request.partial),
  };
  const run = (runSignal: AbortSignal) => answerAfresh(request, catalog, tenants, context, timed, runSignal);

  const cached = await timed("cache", () =>
    context.cache.getOrRun(keyOf(request, catalog, tenants), policy, run, signal),
  );
  // The cache stage is what is left when the stages inside it are taken out.
  timings.set("cache", Math.max(0, (timings.get("cache") ?? 0) - sumOfOthers(timings)));
  const { encoded, coverage, notices } = cached.value;
  context.observe({
    kind: "query.answered",
    queryName: request.queryName,
    cache: cached.status,
    expected: coverage.expected,
    answered: coverage.answered,
    rows: encoded.rows,
    seconds: (performance.now() - started) / 1000,
  });
  if (!satisfies(coverage, request.partial)) throw tenantsFailed(coverage, request.partial);
  return { ...encoded, coverage, notices, cache: cached.status, ageSeconds: Math.floor(cached.ageMs / 1000), timings };
}

async function answerAfresh(
  request: QueryRequest,
  catalog: Catalog,
  tenants: readonly CatalogTenant[],
  context: QueryContext,
  timed: Timed,
  signal: AbortSignal,
) {
  const { parser, executor, typeNames, settings, observe } = context;
  const deadlineAtMs = context.now() + request.deadlineMs;
  const template = await timed("template", () => scanTemplate(request.sql));
  const compiled = await timed("sql", () =>
    compileTemplate(template, { ...request, ...settings, ...lookUpIn(catalog, tenants), parser, nowMs: context.now() }),
  );
  const blocks = await timed("plan", () =>
    planBlocks(compiled, tenants, { ...settings, describe: createDescribe(executor, typeNames, signal) }),
  );
  const executed = await timed("execute", () =>
    executePlan(compiled, blocks, { executor, typeNames, settings, priority: request.priority, deadlineAtMs, signal }),
  );
  const merged = await timed("merge", () =>
    mergeAnswer(compiled, executed, { ...settings, range: request.range, format: request.format }),
  );
  for (const failure of executed.coverage.failed) observe({ kind: "tenant.failed", ...failure });
  const encoded = await timed("frames", () =>
    encodeTable(merged.table, {
      ...settings,
      format: request.format,
      name: request.queryName ?? "",
      notices: merged.notices,
      coverage: executed.coverage,
      executedSql: compiled.expandedSql,
    }),
  );
  const value: CachedQuery = { encoded, coverage: executed.coverage, notices: [...merged.notices, ...encoded.notices] };
  return {
    value,
    bytes: encoded.body.length,
    cacheable: executed.coverage.answered > 0 || executed.coverage.expected === 0,
  };
}

/** Everything that an answer depends on: nothing normalised, no fingerprint (it is equal for different tenants and limits). */
function keyOf(request: QueryRequest, catalog: Catalog, tenants: readonly CatalogTenant[]): string {
  const { sql, queryName, range, intervalMs, format, params } = request;
  const parameters = [...params]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { type, value }]) => [name, type, value]);
  const parts = [
    sql,
    queryName ?? "",
    `${range.fromMs}`,
    `${range.toMs}`,
    `${intervalMs}`,
    format,
    JSON.stringify(parameters),
    catalog.version,
  ];
  return cacheKey({ parts, tenants: tenants.map(({ name }) => name) });
}

/** Reading a text costs more than its length, so this comes first. */
export function refuseLongSql(sql: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(sql, "utf8");
  if (bytes <= maxBytes) return;
  throw new AppError("REQUEST_TOO_LARGE", `the SQL has ${bytes} bytes; at most ${maxBytes} are allowed`, {
    hint: "shorten it, or raise limits.sqlBytes",
  });
}

function stopwatch(observe: Observe): { readonly timings: Map<Stage, number>; readonly timed: Timed } {
  const timings = new Map<Stage, number>();
  const timed: Timed = async (stage, work) => {
    const started = performance.now();
    try {
      return await work();
    } finally {
      const ms = performance.now() - started;
      timings.set(stage, ms);
      observe({ kind: "query.stage", stage, seconds: ms / 1000 });
    }
  };
  return { timings, timed };
}

function sumOfOthers(timings: ReadonlyMap<Stage, number>): number {
  let sum = 0;
  for (const [stage, ms] of timings) if (stage !== "cache") sum += ms;
  return sum;
}
