import { AppError } from "../errors.ts";
import { ExecutionError } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import type { PlannedBlock } from "../plan/planned-block.ts";
import type { Notice } from "../types.ts";
import { verdictOf } from "./verdict.ts";

const UNKNOWN = "unknown: ";

/** What one shape of arms makes the federation database do; see `verdictOf`. */
export interface ShapeVerdict {
  readonly tenants: readonly string[];
  readonly verdict: string;
}

/** A verdict for each shape of a block, from the plan of one arm: a shape's foreign tables have the same columns and options. */
export async function shapeVerdicts(
  { arms, shapes }: PlannedBlock,
  executor: Pick<FleetExecutor, "explain">,
  signal: AbortSignal,
): Promise<readonly ShapeVerdict[]> {
  const sqlOf = new Map(arms.map(({ tenant, sql }) => [tenant, sql]));
  return Promise.all(
    shapes.map(async ({ members }) => {
      const tenants = members.map(({ tenant }) => tenant.name);
      const sql = sqlOf.get(tenants[0] ?? "");
      return { tenants, verdict: sql === undefined ? "pushed" : await verdictOn(sql, executor, signal) };
    }),
  );
}

/** EXPLAIN checks more than the description of a statement does, such as rights; its refusal is told and is no verdict. */
async function verdictOn(sql: string, executor: Pick<FleetExecutor, "explain">, signal: AbortSignal): Promise<string> {
  try {
    return verdictOf(await executor.explain(sql, signal));
  } catch (error) {
    if (error instanceof ExecutionError) return `${UNKNOWN}${error.facts.message}`;
    throw error;
  }
}

/** Says which arms drag their rows over the network before they work on them; nothing when the tenants do all the work. */
export async function pushDownNotices(
  blocks: readonly PlannedBlock[],
  executor: Pick<FleetExecutor, "explain">,
  signal: AbortSignal,
): Promise<readonly Notice[]> {
  try {
    return await draggingNotices(blocks, executor, signal);
  } catch {
    // EXPLAIN checks more than running does, such as rights of a tenant that is about to fail on its own. A notice is no reason to fail.
    return [];
  }
}

async function draggingNotices(
  blocks: readonly PlannedBlock[],
  executor: Pick<FleetExecutor, "explain">,
  signal: AbortSignal,
): Promise<readonly Notice[]> {
  const verdicts = (await Promise.all(blocks.map((block) => shapeVerdicts(block, executor, signal)))).flat();
  const dragging = verdicts.filter(({ verdict }) => verdict !== "pushed" && !verdict.startsWith(UNKNOWN));
  if (dragging.length === 0) return [];
  const tenants = dragging.flatMap((shape) => shape.tenants).length;
  const reasons = [...new Set(dragging.flatMap(({ verdict }) => verdict.split(", ")))].join(", ");
  const text = `rows of ${tenants} tenants cross the network before they are worked on (${reasons}); /v1/explain shows where`;
  return [{ severity: "info", text }];
}

/** Refuses what `pushDownNotices` would name: the setting `guard.pushdown: strict`. Throws QUERY_FORBIDDEN. */
export async function requirePushDown(
  blocks: readonly PlannedBlock[],
  executor: Pick<FleetExecutor, "explain">,
  signal: AbortSignal,
): Promise<void> {
  const [notice] = await draggingNotices(blocks, executor, signal);
  if (notice === undefined) return;
  throw new AppError("QUERY_FORBIDDEN", notice.text, {
    hint: "guard.pushdown is strict: write filters and aggregates that the tenants can compute, with literals instead of now()",
  });
}
