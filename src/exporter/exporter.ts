import { exportMistakes } from "../config/check-exports.ts";
import { mistakesError } from "../config/mistakes.ts";
import type { Config } from "../config/schema.ts";
import { AppError, toAppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import { expositionText, type MetricFamily } from "../observe/exposition.ts";
import type { Principal, QueryService } from "../types.ts";
import { type ExportDefaults, exportRequest } from "./export-request.ts";
import { type ExportedQuery, exportedQueries } from "./exported-queries.ts";
import { type ReadSamples, readSamples } from "./read-samples.ts";

export interface ExporterOptions {
  readonly queries: Config["queries"];
  readonly service: Pick<QueryService, "run">;
  /** For queries that set none of their own. */
  readonly defaults: ExportDefaults;
  readonly observe: Observe;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Exporter {
  /**
   * The exposition of all exported queries, answered now or from the cache. A query that fails has no samples, so that
   * Prometheus sees a gap, and `tenantry_export_up` 0; so does one whose answer was cut. It never fails the others. Calls at the same time share one
   * run, with the `timeoutMs` of the first; null is as long as the settings allow.
   */
  collect(timeoutMs?: number | null): Promise<string>;
  /** Stops what runs; later calls of `collect` are refused with `SHUTTING_DOWN`. */
  close(): Promise<void>;
}

interface ExportRun extends ReadSamples {
  readonly exported: ExportedQuery;
  readonly up: boolean;
  readonly expected: number | undefined;
  readonly answered: number | undefined;
}

const EXPORTER: Principal = { name: "exporter", mayRead: () => true };
const NOTHING: ReadSamples = { samples: [], duplicates: 0, dropped: 0 };

/** Makes metrics of named queries. Throws `CONFIG_INVALID` with every mistake when the exports cannot share a page. */
export function createExporter(options: ExporterOptions): Exporter {
  const mistakes = exportMistakes(options.queries);
  if (mistakes.length > 0) throw mistakesError(mistakes, () => null);
  const exported = exportedQueries(options.queries);

  const stopping = new AbortController();
  const duplicates = new Map<string, number>();
  let running: Promise<string> | undefined;

  async function collectAll(timeoutMs: number | null): Promise<string> {
    const { signal } = stopping;
    const runs = await Promise.all(exported.map((query) => runExport(query, options, { timeoutMs, signal })));
    for (const run of runs) {
      const { queryName } = run.exported;
      duplicates.set(queryName, (duplicates.get(queryName) ?? 0) + run.duplicates);
    }
    return runs.length === 0 ? "" : expositionText([...runs.map(metricOf), ...metricsAbout(runs, duplicates)]);
  }

  return {
    collect: async (timeoutMs = null) => {
      if (stopping.signal.aborted) throw new AppError("SHUTTING_DOWN", "the server is stopping");
      running ??= collectAll(timeoutMs).finally(() => {
        running = undefined;
      });
      return running;
    },
    close: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function runExport(
  exported: ExportedQuery,
  options: ExporterOptions,
  { timeoutMs, signal }: { readonly timeoutMs: number | null; readonly signal: AbortSignal },
): Promise<ExportRun> {
  const startedMs = performance.now();
  const ended = (ok: boolean, series: number, error?: AppError) =>
    options.observe({
      kind: "export.ran",
      queryName: exported.queryName,
      ok,
      series,
      seconds: (performance.now() - startedMs) / 1000,
      ...(error === undefined ? {} : { error }),
    });
  try {
    const request = exportRequest(exported, options.defaults, { nowMs: options.now(), timeoutMs });
    const { body, coverage } = await options.service.run(request, EXPORTER, signal);
    const { expected, answered, truncated } = coverage;
    if (truncated) throw truncatedAnswer();
    const read = readSamples(body.toString("utf8"), exported.settings);
    ended(true, read.samples.length);
    return { ...read, exported, up: true, expected, answered };
  } catch (error) {
    ended(false, 0, toAppError(error));
    return { ...NOTHING, exported, up: false, expected: undefined, answered: undefined };
  }
}

/** Series of which some are missing would look like tenants that are gone. */
function truncatedAnswer(): AppError {
  return new AppError("RESULT_TOO_LARGE", "a limit cut the answer, so that its values are not all there", {
    hint: "aggregate in the query, so that it gives a row for each series; or raise limits.rows or limits.responseBytes",
  });
}

function metricOf({ exported, samples }: ExportRun): MetricFamily {
  const { name, type, help, labels } = exported.settings;
  const text = help || exported.query.description || `Values of the query ${exported.queryName}.`;
  return { name, type, help: text, labelNames: labels, samples };
}

/** What the exporter says of its own work. Each has the label `query`. */
function metricsAbout(runs: readonly ExportRun[], duplicates: ReadonlyMap<string, number>): readonly MetricFamily[] {
  const family = (
    type: MetricFamily["type"],
    name: string,
    help: string,
    read: (run: ExportRun) => number | undefined,
  ): MetricFamily => {
    const samples = runs.flatMap((run) => {
      const value = read(run);
      return value === undefined ? [] : [{ labelValues: [run.exported.queryName], value }];
    });
    return { name: `tenantry_export_${name}`, type, help, labelNames: ["query"], samples };
  };
  return [
    family("gauge", "up", "1 when the exported query could be answered, 0 when its values are withdrawn.", (run) =>
      Number(run.up),
    ),
    family("gauge", "tenants_expected", "Tenants that the exported values should have.", (run) => run.expected),
    family("gauge", "tenants_answered", "Tenants that the exported values have.", (run) => run.answered),
    family("gauge", "series_dropped", "Samples of this scrape dropped by export.maxSeries.", (run) => run.dropped),
    family("counter", "duplicates_total", "Rows whose labels an earlier row of the answer had.", (run) =>
      duplicates.get(run.exported.queryName),
    ),
  ];
}
