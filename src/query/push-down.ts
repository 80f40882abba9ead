import { AppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import type { PlannedBlock } from "../plan/planned-block.ts";
import type { CatalogRelation, ExplainedVerdict, Notice } from "../types.ts";
import type { QuerySettings } from "./query-settings.ts";
import type { RequestPlans } from "./shape-plans.ts";
import { type PlanVerdict, verdictText } from "./verdict.ts";

/** What one shape of a block's arms makes the federation database do; null where PostgreSQL would not plan it. */
export interface ShapeVerdict {
  readonly block: PlannedBlock;
  readonly tenants: readonly string[];
  readonly verdict: PlanVerdict | null;
}

export interface JudgeOptions {
  readonly plans: Pick<RequestPlans, "judge">;
  /** `guard.allowRelations`. */
  readonly localRelations: readonly CatalogRelation[];
  /** `guard.allowFunctions`. */
  readonly functions: ReadonlySet<string>;
}

/** Plans, gates and judges an arm of each shape of a block. Throws QUERY_FORBIDDEN for a plan that touches what it must not. */
export async function judgeBlock(block: PlannedBlock, options: JudgeOptions): Promise<readonly ShapeVerdict[]> {
  const sqlOf = new Map(block.arms.map(({ tenant, sql }) => [tenant, sql]));
  const judged = block.shapes.map(async ({ members }): Promise<ShapeVerdict | null> => {
    const running = members.filter(({ tenant }) => sqlOf.has(tenant.name));
    if (running.length === 0) return null;
    const tenants = running.map(({ tenant }) => tenant.name);
    // A tenant may be refused for reasons of its own, such as a missing right: the first that is planned stands for all that can run.
    for (const { tenant, relations } of running) {
      const permitted = { relations: [...relations, ...options.localRelations], functions: options.functions };
      const verdict = await options.plans.judge(sqlOf.get(tenant.name) ?? "", permitted);
      if (verdict !== null) return { block, tenants, verdict };
    }
    return { block, tenants, verdict: null };
  });
  return (await Promise.all(judged)).flatMap((verdict) => verdict ?? []);
}

/** A verdict as `explain` tells it. */
export function explainVerdict({ block, tenants, verdict }: ShapeVerdict): ExplainedVerdict {
  if (verdict === null)
    return { tenants, verdict: "unknown: the federation database does not plan it", asynchronous: false, reasons: [] };
  return {
    tenants,
    verdict: verdictText(verdict),
    asynchronous: verdict.asynchronous,
    reasons: verdict.reasons.map(({ code, culprit }) => ({ code, culprit, position: block.block.placeOf(culprit) })),
  };
}

/** Says which arms drag their rows over the network before they work on them, and where the query says so. */
export function pushDownNotices(verdicts: readonly ShapeVerdict[]): readonly Notice[] {
  const text = draggingText(verdicts);
  return text === null ? [] : [{ severity: "info", text: `${text.text}; /v1/explain shows more` }];
}

/** Refuses what `pushDownNotices` would name: the setting `guard.pushdown: strict`. Throws QUERY_FORBIDDEN. */
export function requirePushDown(verdicts: readonly ShapeVerdict[]): void {
  const found = draggingText(verdicts);
  if (found === null) return;
  throw new AppError("QUERY_FORBIDDEN", found.text, {
    position: found.position,
    hint: "guard.pushdown is strict: write filters and aggregates that the tenants can compute; docs/sql.md lists them",
  });
}

function draggingText(
  verdicts: readonly ShapeVerdict[],
): { readonly text: string; readonly position: AppError["position"] } | null {
  const dragging = verdicts.filter(({ verdict }) => verdict !== null && verdict.reasons.length > 0).map(explainVerdict);
  if (dragging.length === 0) return null;
  const tenants = new Set(dragging.flatMap((shape) => shape.tenants)).size;
  const reasons = dragging.flatMap((shape) => shape.reasons);
  const told = reasons.map(({ code, culprit, position }) => {
    const line = position === undefined ? "" : ` in line ${position.line}`;
    return `${culprit === null ? code : `${code}: ${culprit}`}${line}`;
  });
  return {
    text: `rows of ${tenants} tenants cross the network before they are worked on (${[...new Set(told)].join(", ")})`,
    position: reasons.find(({ position }) => position !== undefined)?.position,
  };
}

/** Reports what the arms make the federation database do, and refuses arms that drag rows where `guard.pushdown` says so. */
export function heedVerdicts(
  verdicts: readonly ShapeVerdict[],
  { settings, observe }: { readonly settings: Pick<QuerySettings, "pushdown">; readonly observe: Observe },
): void {
  if (settings.pushdown === "strict") requirePushDown(verdicts);
  for (const { tenants, verdict } of verdicts) {
    const codes = verdict === null ? ["unknown"] : verdict.reasons.map(({ code }) => code);
    for (const code of codes.length === 0 ? ["pushed"] : codes)
      observe({ kind: "arms.judged", verdict: code, arms: tenants.length });
  }
}
