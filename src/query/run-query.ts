import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { AppError } from "../errors.ts";
import type { Admission } from "../execute/admission.ts";
import { steadyNow, within } from "../execute/deadline.ts";
import { deadlineExceeded } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { encodeTable } from "../frames/encode-table.ts";
import type { EncodedAnswer } from "../frames/encoded-answer.ts";
import type { Observe } from "../observation.ts";
import { expectedTenants } from "../plan/planned-block.ts";
import type { TypeNames } from "../postgres/column-types.ts";
import type { FunctionNames } from "../postgres/function-names.ts";
import type { SharedDisk } from "../spool/disk-budget.ts";
import type { Parser } from "../sql/parser.ts";
import type { Answer, Catalog, Coverage, Notice, Principal, QueryRequest } from "../types.ts";
import { answerKey } from "./answer-key.ts";
import type { ColumnLookups } from "./column-lookups.ts";
import { answerCut, countsOnTenants, requireTenants, satisfies } from "./coverage.ts";
import { executePlan } from "./execute-plan.ts";
import type { LastGood } from "./last-good.ts";
import { mergeAnswer } from "./merge-answer.ts";
import { prepareQuery } from "./prepare-query.ts";
import { heedVerdicts, pushDownNotices } from "./push-down.ts";
import type { QuerySettings } from "./query-settings.ts";
import type { ShapePlans } from "./shape-plans.ts";
import { createStopwatch, type Timed, timeOutsideCache } from "./stopwatch.ts";
import type { SelectedTenants, TenantSelection } from "./tenant-selection.ts";

export interface QueryContext {
  readonly catalog: () => Catalog;
  readonly selectTenants: TenantSelection;
  readonly parser: Parser;
  readonly executor: FleetExecutor;
  readonly admission: Admission;
  readonly typeNames: TypeNames;
  readonly functionNames: FunctionNames;
  readonly shapePlans: ShapePlans;
  readonly columnLookups: ColumnLookups;
  readonly cache: AnswerCache<CachedQuery>;
  readonly lastGood: LastGood;
  readonly spoolDisk: SharedDisk;
  readonly settings: QuerySettings;
  readonly observe: Observe;
  readonly now: () => number;
}

/** What the cache keeps of an answer: its bytes, and how complete it is. */
export interface CachedQuery {
  readonly encoded: EncodedAnswer;
  readonly coverage: Coverage;
  /** Names of the tenants that it should have. */
  readonly expected: ReadonlySet<string>;
  readonly notices: readonly Notice[];
  readonly madeAtMs: number;
  /** The deadline that cut tenants off, which a caller with more time would have waited for; null when none did. */
  readonly cutByDeadlineMs: number | null;
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
  const deadlineAtMs = steadyNow() + request.deadlineMs;
  const policy = {
    ttlMs: request.cacheTtlMs,
    accepts: ({ coverage, madeAtMs, cutByDeadlineMs }: CachedQuery) =>
      satisfies(coverage, request) &&
      (cutByDeadlineMs ?? request.deadlineMs) >= request.deadlineMs &&
      (isWhole(coverage) || context.now() - madeAtMs < PARTIAL_TTL_MS),
    outlives: isOfOneDeadline,
  };
  // The deadline is the caller's: others who wait for the same run have their own.
  const run = async (runSignal: AbortSignal) => {
    const leave = await admit(request, principal, deadlineAtMs, context, runSignal);
    try {
      return await answerAfresh(request, principal, deadlineAtMs, catalog, selected, context, timed, runSignal);
    } finally {
      leave();
    }
  };

  const cached = await timed("cache", () =>
    within(request.deadlineMs, { signals: [signal], late: deadlineExceeded }, (limited) =>
      context.cache.getOrRun(answerKey(request, catalog, selected), policy, run, limited),
    ),
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
  requireTenants(coverage, cached.value.expected, request);
  if (coverage.truncated && countsOnTenants(request)) throw answerCut(context.settings);
  return { ...encoded, coverage, notices, cache: cached.status, ageSeconds: Math.floor(cached.ageMs / 1000), timings };
}

/** A turn at the databases. Scheduled queries have lanes of their own, and are few: they need none. */
export async function admit(
  { priority }: QueryRequest,
  { name }: Principal,
  deadlineAtMs: number,
  { admission }: QueryContext,
  signal: AbortSignal,
): Promise<() => void> {
  if (priority === "scheduled") return () => undefined;
  return admission.admit(name, deadlineAtMs - steadyNow(), signal);
}

function isWhole({ failed, stale = [] }: Coverage): boolean {
  return failed.length + stale.length === 0;
}

/** True for an error of a run that had too little time, or none; another caller may have more. */
function isOfOneDeadline(error: unknown): boolean {
  return error instanceof AppError && ["DEADLINE_EXCEEDED", "OVERLOADED"].includes(error.code);
}

async function answerAfresh(
  request: QueryRequest,
  { name: caller }: Principal,
  deadlineAtMs: number,
  catalog: Catalog,
  selected: SelectedTenants,
  context: QueryContext,
  timed: Timed,
  signal: AbortSignal,
) {
  const { settings, observe } = context;
  const prepared = await prepareQuery(request, catalog, selected, { ...context, timed, signal, deadlineAtMs });
  const { compiled, verdicts } = prepared;
  heedVerdicts(verdicts, context);
  const executed = await timed("execute", () =>
    executePlan(prepared, { ...context, request, selected, caller, priority: request.priority, deadlineAtMs, signal }),
  );
  const merged = await timed("merge", () =>
    mergeAnswer(compiled, executed, {
      ...settings,
      range: request.range,
      format: request.format,
      withAges: request.staleMs > 0,
      notices: pushDownNotices(verdicts),
    }),
  );
  for (const failure of [...executed.coverage.failed, ...(executed.coverage.stale ?? [])])
    observe({ kind: "tenant.failed", ...failure });
  const encoded = await timed("frames", () =>
    encodeTable(merged.table, {
      ...settings,
      format: request.format,
      name: request.queryName ?? "",
      notices: merged.notices,
      coverage: executed.coverage,
      executedSql: compiled.expandedSql(),
    }),
  );
  const coverage = { ...executed.coverage, truncated: executed.coverage.truncated || encoded.cutNotice !== undefined };
  const value: CachedQuery = {
    encoded,
    coverage,
    expected: expectedTenants(prepared.blocks),
    notices: [...merged.notices, ...encoded.notices],
    madeAtMs: context.now(),
    cutByDeadlineMs: coverage.failed.some(({ inconclusive }) => inconclusive) ? request.deadlineMs : null,
  };
  return {
    value,
    bytes: encoded.body.length,
    cacheable: executed.coverage.answered > 0 || executed.coverage.expected === 0,
  };
}

/** Reading a text costs more than its length, so this comes first. */
export function refuseLongSql(sql: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(sql, "utf8");
  if (bytes <= maxBytes) return;
  throw new AppError("REQUEST_TOO_LARGE", `the SQL has ${bytes} bytes; at most ${maxBytes} are allowed`, {
    hint: "shorten it, or raise limits.sqlBytes",
  });
}
