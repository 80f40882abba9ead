import { type AppError, toAppError } from "../errors.ts";
import type { Database } from "../postgres/database.ts";
import { BOUND_LOCK_WAIT, ddlError } from "./ddl-error.ts";
import type { OnboardingStep } from "./onboarding-step.ts";
import type { OnboardingPlan, TenantPlan } from "./plan-onboarding.ts";

/** Where a plan runs, and who hears of it. */
export interface ApplyOptions {
  /** The federation database, as the same role that the plan was made with. */
  readonly database: Database;
  /** Told after each step. The steps of a tenant that fails later are undone. */
  readonly onStep?: (step: OnboardingStep) => void;
}

/** What became of each tenant of a plan. */
export interface OnboardingResult {
  /** Tenants that are as they should be, in the order of the plan. */
  readonly onboarded: readonly string[];
  /** The others: those that the plan refused, and those whose steps failed. */
  readonly failed: readonly { readonly tenant: string; readonly error: AppError }[];
}

/**
 * Runs a plan: what is shared first, then each tenant in a transaction of its own, one after the other. Many small
 * transactions also keep warm connections alive: 1,000 tables in one made every lane connect to all tenants again.
 * A tenant that fails is undone and the next one runs. Rejects only when the shared steps fail.
 */
export async function applyOnboarding(plan: OnboardingPlan, options: ApplyOptions): Promise<OnboardingResult> {
  await runSteps(plan.preparation, options);
  const onboarded: string[] = [];
  const failed: { readonly tenant: string; readonly error: AppError }[] = [];
  for (const tenant of plan.tenants) {
    const error = await applyTenant(tenant, options);
    if (error === null) onboarded.push(tenant.tenant);
    else failed.push({ tenant: tenant.tenant, error });
  }
  return { onboarded, failed };
}

async function applyTenant(plan: TenantPlan, options: ApplyOptions): Promise<AppError | null> {
  if (plan.refusal !== null) return plan.refusal;
  try {
    await runSteps(plan.steps, options);
    return null;
  } catch (error) {
    return toAppError(error);
  }
}

async function runSteps(steps: readonly OnboardingStep[], { database, onStep }: ApplyOptions): Promise<void> {
  if (steps.length === 0) return;
  let running: OnboardingStep | null = null;
  try {
    await database.transaction(async (query) => {
      await query(BOUND_LOCK_WAIT);
      for (const step of steps) {
        running = step;
        await query(step.statement());
        onStep?.(step);
      }
    });
  } catch (error) {
    throw stepError(running, error);
  }
}

function stepError(step: OnboardingStep | null, error: unknown): AppError {
  if (step === null) return ddlError("the federation database", null, error);
  const of = step.tenant === null ? "shared" : `tenant "${step.tenant}"`;
  return ddlError(`${of}: ${step.kind}`, step.printable, error);
}
