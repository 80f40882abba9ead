import type { FleetExecutor } from "../execute/executor.ts";
import { outerSql } from "../plan/outer-sql.ts";
import type { PlannedBlock } from "../plan/planned-block.ts";
import { compileTemplate } from "../sql/compile-template.ts";
import { scanTemplate } from "../template/scan.ts";
import type { ExplainedBlock, Explanation, Principal, QueryRequest } from "../types.ts";
import { coverageNotices, coverageOf } from "./coverage.ts";
import { limitNotices } from "./merge-answer.ts";
import { createDescribe, lookUpIn, planBlocks } from "./prepare-query.ts";
import { shapeVerdicts } from "./push-down.ts";
import { type QueryContext, refuseLongSql } from "./run-query.ts";

/** The stages of `runQuery` up to the plan, and what they would run. Tenants are not asked anything. */
export async function explainQuery(
  request: QueryRequest,
  principal: Principal,
  context: QueryContext,
  signal: AbortSignal,
): Promise<Explanation> {
  const { parser, executor, typeNames, settings } = context;
  refuseLongSql(request.sql, settings.sqlBytes);
  const catalog = context.catalog();
  const { tenants, visible } = context.selectTenants(catalog, principal, request.tenants);
  const compiled = await compileTemplate(scanTemplate(request.sql), {
    ...request,
    ...settings,
    ...lookUpIn(catalog, visible),
    parser,
    nowMs: context.now(),
  });
  const blocks = await planBlocks(compiled, tenants, {
    ...settings,
    visible,
    describe: createDescribe(executor, typeNames, signal),
  });
  const expected = new Set(blocks.flatMap((block) => block.expected.map(({ name }) => name)));
  const coverage = coverageOf(
    expected,
    blocks.flatMap(({ leftOut }) => leftOut),
  );
  return {
    expandedSql: compiled.expandedSql,
    blocks: await Promise.all(blocks.map((block) => explainBlock(block, executor, signal))),
    outerSql: compiled.outerSql === null ? null : outerSql(compiled.outerSql, blocks),
    expected: expected.size,
    leftOut: coverage.failed,
    notices: [...coverageNotices(coverage), ...limitNotices(blocks)],
  };
}

async function explainBlock(
  block: PlannedBlock,
  executor: FleetExecutor,
  signal: AbortSignal,
): Promise<ExplainedBlock> {
  return {
    columns: block.columns.filter(({ role }) => role !== "hidden").map(({ name, type }) => ({ name, type })),
    lanes: executor.layOut(block.arms),
    verdicts: await shapeVerdicts(block, executor, signal),
  };
}
