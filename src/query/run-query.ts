import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { AppError } from "../errors.ts";
import { deadlineExceeded } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { encodeTable } from "../frames/encode-table.ts";
import type { EncodedAnswer } from "../frames/encoded-answer.ts";
import type { Observe } from "../observation.ts";
import type { TypeNames } from "../postgres/column-types.ts";
import { compileTemplate } from "../sql/compile-template.ts";
import type { Parser } from "../sql/parser.ts";
import { scanTemplate } from "../template/scan.ts";
import type { Answer, Catalog, Coverage, Notice, Principal, QueryRequest } from "../types.ts";
import { answerKey } from "./answer-key.ts";
import { answerCut, satisfies, tenantsFailed } from "./coverage.ts";
import { executePlan } from "./execute-plan.ts";
import { mergeAnswer } from "./merge-answer.ts";
import { createDescribe, lookUpIn, planBlocks } from "./prepare-query.ts";
import { pushDownNotices, requirePushDown } from "./push-down.ts";
import { createStopwatch, type Timed, timeOutsideCache } from "./stopwatch.ts";
import type { SelectedTenants, TenantSelection } from "./tenant-selection.ts";

export interface QueryContext {
  readonly catalog: () => Catalog;
  readonly selectTenants: TenantSelection;
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
  readonly pushdown: "warn" | "strict";
}

/** What the cache keeps of an answer: its bytes, and how complete it is. */
export interface CachedQuery {
  readonly encoded: EncodedAnswer;
  readonly coverage: Coverage;
  readonly notices: readonly Notice[];
  readonly madeAtMs: number;
}

// However long a query's answers may be served again: a tenant that was away for a moment must not be missing for an hour.
const PARTIAL_TTL_MS = 10_000;

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
  const { timings, timed } = createStopwatch(context.observe);
  const catalog = context.catalog();
  const selected = context.selectTenants(catalog, principal, request.tenants);
  const policy = {
    ttlMs: request.cacheTtlMs,
    accepts: ({ coverage, madeAtMs }: CachedQuery) =>
      satisfies(coverage, request.partial) &&
      (coverage.failed.length === 0 || context.now() - madeAtMs < PARTIAL_TTL_MS),
  };
  const run = (runSignal: AbortSignal) =>
    withDeadline(request.deadlineMs, runSignal, (limited) =>
      answerAfresh(request, catalog, selected, context, timed, limited),
    );

  const cached = await timed("cache", () =>
    context.cache.getOrRun(answerKey(request, catalog, selected), policy, run, signal),
  );
  // The cache stage is what is left when the stages inside it are taken out.
  timings.set("cache", Math.max(0, (timings.get("cache") ?? 0) - timeOutsideCache(timings)));
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
  if (coverage.truncated && request.partial === "fail") throw answerCut(context.settings);
  return { ...encoded, coverage, notices, cache: cached.status, ageSeconds: Math.floor(cached.ageMs / 1000), timings };
}

async function answerAfresh(
  request: QueryRequest,
  catalog: Catalog,
  { tenants, visible }: SelectedTenants,
  context: QueryContext,
  timed: Timed,
  signal: AbortSignal,
) {
  const { parser, executor, typeNames, settings, observe } = context;
  const deadlineAtMs = context.now() + request.deadlineMs;
  const template = await timed("template", () => scanTemplate(request.sql));
  const compiled = await timed("sql", () =>
    compileTemplate(template, { ...request, ...settings, ...lookUpIn(catalog, visible), parser, nowMs: context.now() }),
  );
  const blocks = await timed("plan", () =>
    planBlocks(compiled, tenants, { ...settings, visible, describe: createDescribe(executor, typeNames, signal) }),
  );
  if (settings.pushdown === "strict") await timed("plan", () => requirePushDown(blocks, executor, signal));
  const [executed, dragging] = await timed("execute", () =>
    Promise.all([
      executePlan(compiled, blocks, {
        executor,
        typeNames,
        settings,
        priority: request.priority,
        deadlineAtMs,
        signal,
      }),
      // One plan for each shape, while the lanes run.
      settings.pushdown === "warn" ? pushDownNotices(blocks, executor, signal) : [],
    ]),
  );
  const merged = await timed("merge", () =>
    mergeAnswer(compiled, executed, { ...settings, range: request.range, format: request.format, notices: dragging }),
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
  const coverage = { ...executed.coverage, truncated: executed.coverage.truncated || encoded.cutNotice !== undefined };
  const value: CachedQuery = {
    encoded,
    coverage,
    notices: [...merged.notices, ...encoded.notices],
    madeAtMs: context.now(),
  };
  return {
    value,
    bytes: encoded.body.length,
    cacheable: executed.coverage.answered > 0 || executed.coverage.expected === 0,
  };
}

/** Runs `work` with a signal that also ends with the deadline, and gives that end its own error. */
async function withDeadline<T>(
  deadlineMs: number,
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    return await work(AbortSignal.any([signal, deadline]));
  } catch (error) {
    throw deadline.aborted && error === deadline.reason ? deadlineExceeded() : error;
  }
}

/** Reading a text costs more than its length, so this comes first. */
export function refuseLongSql(sql: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(sql, "utf8");
  if (bytes <= maxBytes) return;
  throw new AppError("REQUEST_TOO_LARGE", `the SQL has ${bytes} bytes; at most ${maxBytes} are allowed`, {
    hint: "shorten it, or raise limits.sqlBytes",
  });
}
