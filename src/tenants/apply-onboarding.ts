import { z } from "zod";
import { AppError, toAppError } from "../errors.ts";
import type { Database } from "../postgres/database.ts";
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
      // A lane's query holds its foreign tables; waiting for it for ever would block every query behind this one.
      await query("SET LOCAL lock_timeout TO '5s'");
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
  const found = z.object({ code: z.string(), message: z.string() }).safeParse(error).data;
  const subject =
    step === null
      ? "the federation database"
      : `${step.tenant === null ? "shared" : `tenant "${step.tenant}"`}: ${step.kind}`;
  // PostgreSQL's sentence about DDL names objects of the federation database; a connection's error names a host.
  const isOfStatement = found !== undefined && /^[0-9A-Z]{5}$/.test(found.code) && !/^(08|28|57P)/.test(found.code);
  if (step === null || !isOfStatement) {
    return new AppError("FEDERATION_UNAVAILABLE", `${subject} failed (${found?.code ?? "no code"})`, { cause: error });
  }
  return new AppError("ONBOARDING_REFUSED", `${subject} failed: ${found.message}`, {
    hint: `the statement was ${step.printable}`,
    cause: error,
  });
}
