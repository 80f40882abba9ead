import type { FleetExecutor } from "../execute/executor.ts";
import { type ColumnValues, toColumns } from "../merge/column-values.ts";
import type { NamedColumn } from "../merge/make-table.ts";
import { sortRows } from "../merge/sort-rows.ts";
import { sortSql } from "../plan/outer-sql.ts";
import { expectedTenants, type PlannedBlock } from "../plan/planned-block.ts";
import { sortColumnIndex } from "../plan/sort-column.ts";
import { kindOfType, type TypeNames } from "../postgres/column-types.ts";
import type { Arm, Coverage, GatheredRows, QueryRequest } from "../types.ts";
import { answerCut, coverageOf, gatheredCut } from "./coverage.ts";
import type { LastGood } from "./last-good.ts";
import { type PreparedQuery, toQueryError } from "./prepare-query.ts";
import type { QuerySettings } from "./query-settings.ts";
import type { SelectedTenants } from "./tenant-selection.ts";

export interface ExecuteOptions {
  readonly executor: FleetExecutor;
  readonly typeNames: TypeNames;
  readonly settings: QuerySettings;
  readonly priority: "interactive" | "scheduled";
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
  readonly lastGood: LastGood;
  readonly request: QueryRequest;
  readonly selected: SelectedTenants;
  /** Whose request it is. */
  readonly caller: string;
}

/** Columns as they came from PostgreSQL, and in which order their rows stand. */
export interface ExecutedPlan {
  readonly columns: readonly NamedColumn[];
  readonly values: readonly ColumnValues[];
  /** Index of the tenant column, or -1. */
  readonly tenantColumn: number;
  /** `user`: the order that the query asks for; `none`: any. */
  readonly order: "user" | "none";
  readonly coverage: Coverage;
  readonly blocks: readonly PlannedBlock[];
}

/**
 * Runs the arms of every copied block on the lanes, then what runs once over their rows. Throws RESULT_TOO_LARGE when an outer block would
 * work on rows that were cut: its answer would be wrong, not partial.
 */
export async function executePlan(prepared: PreparedQuery, options: ExecuteOptions): Promise<ExecutedPlan> {
  const { compiled, blocks } = prepared;
  const { executor, settings, priority, deadlineAtMs, signal, lastGood, request, selected, caller } = options;
  const limits = { maxRows: settings.maxRows, maxBytes: settings.maxBytes, deadlineAtMs, signal };
  const together = request.together ?? (blocks.length > 1 ? Symbol("blocks") : undefined);
  const gathered = await gatherBlocks(blocks, signal, (arms, stop) =>
    executor.runArms(arms, { ...limits, signal: stop, priority, caller, together }),
  );
  const expected = expectedTenants(blocks);
  const { rows, failures, stale } = lastGood.patch(
    {
      blocks,
      gathered,
      failures: [...blocks.flatMap(({ leftOut }) => leftOut), ...gathered.flatMap((part) => part.failures)],
    },
    { request, selected, maxRows: settings.maxRows },
  );
  const cut = gathered.some((rows) => rows.truncated);
  heedCut(cut, settings);

  const [block] = blocks;
  const [direct] = rows;
  if (compiled.outerSql === null && block !== undefined && direct !== undefined) {
    const { truncated, ...answer } = await directAnswer(block, direct, options, limits);
    return { ...answer, coverage: coverageOf(expected, failures, { truncated: cut || truncated, stale }), blocks };
  }
  const cutBlock = blocks[gathered.findIndex((part) => part.truncated)];
  if (cutBlock !== undefined) throw gatheredCut(settings, cutBlock.block.position);
  const failed = new Set(failures.map(({ tenant }) => tenant));
  const complete = rows.map((blockRows, index) => withoutTenants(blockRows, blocks[index], failed));
  const { truncated, ...answer } = await outerAnswer(prepared, complete, options, limits);
  return { ...answer, coverage: coverageOf(expected, failures, { truncated, stale }), blocks };
}

/** Rows of every block. When one is refused there will be no answer: the others stop, and have stopped when this rejects. */
async function gatherBlocks(
  blocks: readonly PlannedBlock[],
  signal: AbortSignal,
  run: (arms: readonly Arm[], stop: AbortSignal) => Promise<GatheredRows>,
): Promise<readonly GatheredRows[]> {
  const refused = new AbortController();
  const stop = AbortSignal.any([signal, refused.signal]);
  const gathered = await Promise.all(
    blocks.map(({ block, arms }) =>
      run(arms, stop).catch((error: unknown) => {
        refused.abort(toQueryError(error, () => block.position));
        return null;
      }),
    ),
  );
  if (refused.signal.aborted) throw refused.signal.reason;
  return gathered.flatMap((rows) => rows ?? []);
}

type TextRow = GatheredRows["rows"][number];

/** A tenant that failed in one block is absent from all: half of its rows would be wrong, not partial. */
function withoutTenants(
  rows: readonly TextRow[],
  block: PlannedBlock | undefined,
  failed: ReadonlySet<string>,
): readonly TextRow[] {
  const tenantColumn = block?.columns.findIndex(({ role }) => role === "tenant") ?? -1;
  return failed.size === 0 || tenantColumn < 0 ? rows : rows.filter((row) => !failed.has(row[tenantColumn] ?? ""));
}

function heedCut(truncated: boolean, settings: ExecuteOptions["settings"]): void {
  if (truncated && settings.onLimit === "refuse") throw answerCut(settings);
}

type Limits = {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
};

/** The arms' rows are the answer: only their order is still to be made. */
async function directAnswer(block: PlannedBlock, rows: readonly TextRow[], options: ExecuteOptions, limits: Limits) {
  const { columns } = block;
  const visible = columns.filter(({ role }) => role !== "hidden");
  const values = toColumns(rows, columns.length);
  const shown = { columns: visible, tenantColumn: columns.findIndex(({ role }) => role === "tenant") };
  const keys = block.block.sortKeys;
  if (keys.length === 0)
    return { ...shown, values: values.slice(0, visible.length), order: "none" as const, truncated: false };

  const order = keys.map((key) => ({
    column: sortColumnIndex(key, columns, block.block.hiddenColumns),
    descending: key.descending,
    nullsFirst: key.nullsFirst,
    needsPostgres: key.collation !== null || key.operator !== null,
  }));
  const sorted = sortRows(
    values,
    columns.map(({ kind }) => kind),
    order,
    shown.tenantColumn,
  );
  if (sorted !== null) {
    return {
      ...shown,
      values: values.slice(0, visible.length).map((column) => sorted.map((row) => column[row] ?? null)),
      order: "user" as const,
      truncated: false,
    };
  }
  const answer = await options.executor.runOnce(sortSql(block), { ...limits, values }).catch((error: unknown) => {
    throw toQueryError(error, () => block.block.position);
  });
  // Old rows of a tenant come on top of what the limit admitted.
  const { rows: ordered, truncated } = answer;
  heedCut(truncated, options.settings);
  return {
    ...shown,
    values: toColumns(ordered, columns.length).slice(0, visible.length),
    order: "user" as const,
    truncated,
  };
}

/** The statement around the copied blocks, run once over the gathered rows. */
async function outerAnswer(
  { compiled, blocks, outerSql: sql }: PreparedQuery,
  gathered: readonly (readonly TextRow[])[],
  options: ExecuteOptions,
  limits: Limits,
) {
  const { executor, typeNames, settings } = options;
  // The caller may see no tenant: without one there are no types to run the statement with.
  if (sql === null) return { columns: [], values: [], tenantColumn: -1, order: "none" as const, truncated: false };
  const values = blocks.flatMap(({ columns }, index) => toColumns(gathered[index] ?? [], columns.length));
  const answer = await executor.runOnce(sql, { ...limits, values }).catch((error: unknown) => {
    throw toQueryError(error, compiled.outerPosition);
  });
  heedCut(answer.truncated, settings);
  const types = await typeNames.namesOf(answer.columns.map(({ typeOid }) => typeOid));
  const columns = answer.columns.map(({ name }, index): NamedColumn => {
    const type = types[index] ?? "unknown";
    return { name, type, kind: kindOfType(type), timeGroupSeconds: null };
  });
  const tenantColumn = columns.findIndex(({ name, kind }) => name === settings.tenantColumn && kind === "text");
  return {
    columns,
    values: toColumns(answer.rows, columns.length),
    tenantColumn,
    order: compiled.outerOrdered ? ("user" as const) : ("none" as const),
    truncated: answer.truncated,
  };
}
