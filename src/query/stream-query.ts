import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import { steadyNow, within } from "../execute/deadline.ts";
import { deadlineExceeded } from "../execute/execution-error.ts";
import { createRowWriter } from "../frames/row-bytes.ts";
import { coverageLine, NDJSON_TYPE } from "../frames/rows-format.ts";
import { uniquelyNamed } from "../frames/unique-names.ts";
import { showColumn } from "../merge/make-table.ts";
import { expectedTenants, type PlannedBlock } from "../plan/planned-block.ts";
import { type AnswerSpool, createAnswerSpool } from "../spool/answer-spool.ts";
import type { Answer, Coverage, Principal, QueryRequest, StreamedAnswer } from "../types.ts";
import { answerKey } from "./answer-key.ts";
import { createArmSink } from "./arm-sink.ts";
import { countsOnTenants, coverageOf, requireTenants, streamCut } from "./coverage.ts";
import { type PreparedQuery, prepareQuery, toQueryError } from "./prepare-query.ts";
import { heedVerdicts } from "./push-down.ts";
import { admit, type QueryContext, refuseLongSql, runQuery } from "./run-query.ts";
import { createStopwatch } from "./stopwatch.ts";

/**
 * The life of a query in `ndjson` whose answer is the tenants' rows as they come: they go from the lanes through a spool to the client, are not
 * kept, and are limited by `limits.streamBytes` alone. What needs all rows first (an ORDER BY over the fleet, a SELECT around the tenants') is
 * answered by `runQuery`. The promise resolves when it is known that there is an answer: with the first tenant's rows, or, where the request says
 * how many tenants it wants, with the last one's.
 */
export async function streamQuery(
  request: QueryRequest,
  principal: Principal,
  context: QueryContext,
  signal: AbortSignal,
): Promise<Answer | StreamedAnswer> {
  const { settings, observe } = context;
  refuseLongSql(request.sql, settings.sqlBytes);
  const catalog = context.catalog();
  const selected = context.selectTenants(catalog, principal, request.tenants);
  // Old rows are found when it is known who failed, which is at the end; and an answer in one piece may be there already.
  if (request.staleMs > 0 || context.cache.knows(answerKey(request, catalog, selected)))
    return runQuery(request, principal, context, signal);
  const { timings, timed } = createStopwatch(observe);
  const deadlineAtMs = steadyNow() + request.deadlineMs;
  const leave = await admit(request, principal, deadlineAtMs, context, signal);
  let streaming: Streaming | null = null;
  try {
    const prepared = await within(request.deadlineMs, { signals: [signal], late: deadlineExceeded }, (limited) =>
      prepareQuery(request, catalog, selected, { ...context, timed, signal: limited, deadlineAtMs }),
    );
    const block = streamableBlock(prepared);
    if (block !== null) {
      heedVerdicts(prepared.verdicts, context);
      streaming = startStreaming(request, block, { context, caller: principal.name, deadlineAtMs, signal, leave });
    }
  } finally {
    if (streaming === null) leave();
  }
  if (streaming === null) {
    // What was spent on finding that out is not to be spent again.
    return runQuery({ ...request, deadlineMs: Math.max(1, deadlineAtMs - steadyNow()) }, principal, context, signal);
  }

  const { spool, ended, stop, expected, coverage } = streaming;
  try {
    if (!countsOnTenants(request)) await Promise.race([spool.begun, ended]);
    else await ended;
  } catch (error) {
    await stop();
    throw error;
  }
  return { contentType: NDJSON_TYPE, expected, coverage, timings, chunks: spool.chunks(), close: stop };
}

interface Streaming {
  readonly spool: AnswerSpool;
  readonly expected: number;
  readonly coverage: () => Coverage | null;
  /** Resolves when all that can be had is in the spool; rejects with the reason why the answer is none, or ends early. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The block whose rows are the answer, in any order; null when there is none. */
function streamableBlock({ compiled, blocks }: PreparedQuery): PlannedBlock | null {
  const [block] = blocks;
  return compiled.outerSql === null && block !== undefined && block.block.sortKeys.length === 0 ? block : null;
}

/** Runs the arms into a spool. The turn at the databases ends with them, however long the client takes. */
function startStreaming(
  request: QueryRequest,
  block: PlannedBlock,
  options: {
    readonly context: QueryContext;
    readonly caller: string;
    readonly deadlineAtMs: number;
    readonly signal: AbortSignal;
    readonly leave: () => void;
  },
): Streaming {
  const { context, caller, deadlineAtMs, signal, leave } = options;
  const { executor, settings, observe } = context;
  const startedMs = performance.now();
  const stopping = new AbortController();
  const spool = createAnswerSpool({
    maxBytes: settings.streamBytes,
    disk: context.spoolDisk.partOf(caller),
    folder: settings.spoolFolder,
  });
  const writeRow = rowWriter(block);
  const expected = expectedTenants([block]);
  let rows = 0;
  let known: Coverage | null = null;

  async function run(): Promise<void> {
    const gathered = await executor
      .streamArms(block.arms, {
        sinkFor: () =>
          createArmSink(spool, writeRow, (count) => {
            rows += count;
          }),
        priority: request.priority,
        caller,
        deadlineAtMs,
        signal: AbortSignal.any([signal, stopping.signal]),
      })
      .catch((error: unknown) => {
        throw toQueryError(error, () => block.block.position);
      });
    await spool.written();
    const coverage = coverageOf(expected, [...block.leftOut, ...gathered.failures], gathered);
    for (const failure of coverage.failed) observe({ kind: "tenant.failed", ...failure });
    observe({
      kind: "query.answered",
      queryName: request.queryName,
      cache: "miss",
      expected: coverage.expected,
      answered: coverage.answered,
      rows,
      seconds: (performance.now() - startedMs) / 1000,
    });
    requireTenants(coverage, expected, request);
    if (coverage.truncated && (countsOnTenants(request) || settings.onLimit === "refuse")) throw streamCut(settings);
    known = coverage;
    spool.end(Buffer.from(coverageLine(coverage)));
  }

  const ended = run()
    .catch((error: unknown) => {
      spool.fail(error);
      throw error;
    })
    .finally(leave);
  // Whoever reads the spool is told.
  ended.catch(() => undefined);
  return {
    spool,
    expected: expected.size,
    coverage: () => known,
    ended,
    async stop() {
      stopping.abort();
      await ended.catch(() => undefined);
      await spool.close();
    },
  };
}

function rowWriter({ columns }: PlannedBlock) {
  const shown = columns.filter(({ role }) => role !== "hidden").map(showColumn);
  const named = uniquelyNamed(shown.map(({ column }) => column));
  return createRowWriter(shown.map(({ column, convert }, index) => ({ column: named[index] ?? column, convert })));
}
