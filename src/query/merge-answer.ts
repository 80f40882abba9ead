import { reorder } from "../merge/column-values.ts";
import { fillSeries } from "../merge/fill-series.ts";
import { findTimeColumn, makeTable } from "../merge/make-table.ts";
import { sortByTimeAndTenant } from "../merge/sort-rows.ts";
import type { PlannedBlock } from "../plan/planned-block.ts";
import type { CompiledQuery } from "../sql/compile-template.ts";
import type { Format, Notice, Table, TimeRange } from "../types.ts";
import { coverageNotices } from "./coverage.ts";
import type { ExecutedPlan } from "./execute-plan.ts";

export interface MergeOptions {
  readonly range: TimeRange;
  readonly format: Format;
  readonly maxRows: number;
  /** True for a request that takes old rows: each row then says how old it is. */
  readonly withAges: boolean;
  /** Notices of the stages before. */
  readonly notices: readonly Notice[];
}

export interface MergedAnswer {
  readonly table: Table;
  readonly notices: readonly Notice[];
}

/** One table out of what ran, in the user's order or by time and tenant, with everything that its reader should know. */
export function mergeAnswer(compiled: CompiledQuery, executed: ExecutedPlan, options: MergeOptions): MergedAnswer {
  const notices: Notice[] = [...coverageNotices(executed.coverage)];
  if (executed.coverage.expected === 0)
    notices.push({ severity: "warning", text: "no tenant matches the selector and the request" });
  if (executed.coverage.truncated)
    notices.push({
      severity: "warning",
      text: `the answer was cut at ${options.maxRows} rows or the byte limit; aggregate or filter to see all of it`,
    });
  notices.push(...limitNotices(executed.blocks), ...options.notices);

  const { columns } = executed;
  const kinds = columns.map(({ kind }) => kind);
  const values =
    executed.order === "user"
      ? executed.values
      : reorder(
          executed.values,
          sortByTimeAndTenant(executed.values, kinds, findTimeColumn(columns), executed.tenantColumn),
        );
  const table = withAges(makeTable(columns, values, executed), executed, options);
  if (compiled.fill === null || !["frame", "timeserie"].includes(options.format)) return { table, notices };
  const filled = fillSeries(table, { fill: compiled.fill, ...options });
  if (filled === null)
    notices.push({
      severity: "warning",
      text: "Fill operation skipped: time range and interval would require more points than the configured row limit",
    });
  return { table: filled ?? table, notices };
}

/** Says what a LIMIT means where it belongs to a block that runs for each tenant. */
export function limitNotices(blocks: readonly PlannedBlock[]): readonly Notice[] {
  return blocks.flatMap(({ block }): Notice[] =>
    block.limit === null
      ? []
      : [
          {
            severity: "info",
            text: `${block.limit} per tenant; for the whole fleet, put the SELECT into FROM (…) and limit outside`,
          },
        ],
  );
}

const AGE_COLUMN = "stale_seconds";
/** A number more would be a series more. */
const SERIES: ReadonlySet<Format> = new Set<Format>(["frame", "timeserie"]);

/** The table with one more column: how old a tenant's rows are, null for fresh ones. */
function withAges(table: Table, { coverage, tenantColumn }: ExecutedPlan, options: MergeOptions): Table {
  if (!options.withAges || tenantColumn < 0 || SERIES.has(options.format)) return table;
  const ages = new Map(coverage.stale?.map(({ tenant, ageSeconds }) => [tenant, String(ageSeconds)]));
  const column = (table.values[tenantColumn] ?? []).map((tenant) => ages.get(tenant ?? "") ?? null);
  return {
    ...table,
    columns: [...table.columns, { name: AGE_COLUMN, type: "integer", kind: "number" }],
    values: [...table.values, column],
  };
}
