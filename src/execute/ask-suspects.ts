import type { Arm, TenantFailure } from "../types.ts";
import { tenantFailure, tenantTimeout } from "./execution-error.ts";
import type { FailedArm } from "./isolate-failures.ts";
import type { LoneOutcome } from "./lone-sessions.ts";
import type { Share, ShareContext, ShareOutcome } from "./share.ts";

/** How long a request waits for tenants that lately did not answer. */
const PATIENCE_MS = 1_000;

/**
 * Asks tenants that lately were silent or unreachable, each on a session of its own beside the lane. The request waits
 * a second at most; the asking goes on, up to the tenant deadline, so that a tenant that is merely slow is trusted again.
 */
export async function askSuspects(arms: readonly Arm[], share: Share, context: ShareContext): Promise<ShareOutcome> {
  const answers: ShareOutcome["answers"][number][] = [];
  const failed: FailedArm[] = [];
  const absent: TenantFailure[] = [];
  const patienceMs = Math.min(PATIENCE_MS, context.tenantDeadlineMs, Math.max(0, share.deadlineAtMs - context.now()));
  await Promise.all(
    arms.map(async (arm) => {
      const outcome = await orSilent(ask(arm, share, context), patienceMs);
      if (outcome.kind === "answered") answers.push(outcome.rows);
      else if (outcome.kind === "failed") failed.push({ arm, facts: outcome.facts });
      else absent.push(tenantTimeout(arm.tenant, patienceMs));
    }),
  );
  return { answers, failed, absent };
}

/** Asks one suspect and updates what is known of it. Never rejects: nobody may be waiting any more. */
async function ask(arm: Arm, share: Share, context: ShareContext): Promise<LoneOutcome> {
  const { suspects, lone, tenantDeadlineMs, now, closing } = context;
  const options = {
    budget: share.budget,
    timeoutMs: tenantDeadlineMs,
    untilMs: now() + tenantDeadlineMs,
    signals: [closing],
  };
  suspects.asking(arm.tenant);
  const outcome = await lone.ask(arm, options).catch((): LoneOutcome => ({ kind: "not_asked" }));
  if (outcome.kind === "answered") suspects.clear(arm.tenant);
  else if (outcome.kind === "failed") suspects.note(tenantFailure(arm.tenant, outcome.facts));
  else suspects.note(tenantTimeout(arm.tenant, tenantDeadlineMs));
  return outcome;
}

async function orSilent(outcome: Promise<LoneOutcome>, afterMs: number): Promise<LoneOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<LoneOutcome>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "silent", afterMs }), afterMs);
  });
  try {
    return await Promise.race([outcome, patience]);
  } finally {
    clearTimeout(timer);
  }
}
