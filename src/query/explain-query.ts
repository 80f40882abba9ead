import { steadyNow } from "../execute/deadline.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { expectedTenants, type PlannedBlock } from "../plan/planned-block.ts";
import type { ExplainedBlock, Explanation, Principal, QueryRequest } from "../types.ts";
import { coverageNotices, coverageOf } from "./coverage.ts";
import { limitNotices } from "./merge-answer.ts";
import { prepareQuery } from "./prepare-query.ts";
import { explainVerdict, type ShapeVerdict } from "./push-down.ts";
import { type QueryContext, refuseLongSql } from "./run-query.ts";
import type { Timed } from "./stopwatch.ts";

/** The stages of `runQuery` up to the plan, and what they would run. Tenants are not asked anything. */
export async function explainQuery(
  request: QueryRequest,
  principal: Principal,
  context: QueryContext,
  signal: AbortSignal,
): Promise<Explanation> {
  refuseLongSql(request.sql, context.settings.sqlBytes);
  const catalog = context.catalog();
  const selected = context.selectTenants(catalog, principal, request.tenants);
  const timed: Timed = async (_, work) => work();
  const options = { ...context, timed, signal, deadlineAtMs: steadyNow() + request.deadlineMs };
  const { compiled, blocks, outerSql, verdicts } = await prepareQuery(request, catalog, selected, options);
  const expected = expectedTenants(blocks);
  const coverage = coverageOf(
    expected,
    blocks.flatMap(({ leftOut }) => leftOut),
  );
  return {
    expandedSql: compiled.expandedSql(),
    blocks: blocks.map((block) => explainBlock(block, verdicts, context.executor)),
    outerSql,
    moved: compiled.moved,
    expected: expected.size,
    leftOut: coverage.failed,
    notices: [...coverageNotices(coverage), ...limitNotices(blocks)],
  };
}

function explainBlock(
  block: PlannedBlock,
  verdicts: readonly ShapeVerdict[],
  executor: Pick<FleetExecutor, "layOut">,
): ExplainedBlock {
  return {
    columns: block.columns.filter(({ role }) => role !== "hidden").map(({ name, type }) => ({ name, type })),
    lanes: executor.layOut(block.arms),
    verdicts: verdicts.filter((verdict) => verdict.block === block).map(explainVerdict),
  };
}
