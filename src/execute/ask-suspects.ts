import { lendBudget } from "../postgres/read-budget.ts";
import type { Arm, TenantFailure } from "../types.ts";
import { noSession, notAsked, outOfTime, tenantFailure, tenantTimeout } from "./execution-error.ts";
import type { FailedArm } from "./isolate-failures.ts";
import { type AskOptions, type LoneOutcome, readWithin } from "./lone-sessions.ts";
import { fairTimeMs, type Share, type ShareContext, type ShareOutcome } from "./share.ts";
import { RESERVE_MS } from "./take-turn.ts";

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
  const fairMs = Math.min(PATIENCE_MS, context.tenantDeadlineMs);
  const patienceMs = Math.min(fairMs, Math.max(0, share.deadlineAtMs - RESERVE_MS - context.now()));
  await Promise.all(
    arms.map(async (arm) => {
      const budget = lendBudget(share.budget);
      let begun = false;
      const asking = askSuspect(
        arm.tenant,
        { read: readWithin(arm.sql, budget), onTurn: () => (begun = true) },
        context,
      );
      const outcome = await orSilent(asking, patienceMs);
      if (outcome.kind === "answered") answers.push(outcome.rows);
      else if (outcome.kind === "failed") failed.push({ arm, facts: outcome.facts, noted: true });
      else {
        // Rows that come after this are nobody's: they must not cost the answer its own.
        budget.revoke();
        if (outcome.kind === "no_session") absent.push(noSession(arm.tenant));
        else if (!begun || outcome.kind === "not_asked") absent.push(notAsked(arm.tenant));
        else absent.push(patienceMs < fairMs ? outOfTime(arm.tenant) : tenantTimeout(arm.tenant, patienceMs));
      }
    }),
  );
  return { answers, failed, absent };
}

/** How one suspect is asked. Without a time it is asked for the tenant deadline at most. */
export interface SuspectQuestion
  extends Pick<AskOptions, "read" | "onTurn">,
    Partial<Pick<AskOptions, "timeoutMs" | "untilMs" | "signals">> {
  /** Milliseconds for which the tenant was silent; null when it was not, or when it had too little time to tell. */
  readonly silentMs?: (outcome: LoneOutcome) => number | null;
}

/** Asks one suspect, and updates what is known of it. Never rejects: nobody may be waiting any more. */
export async function askSuspect(
  tenant: string,
  { silentMs = (outcome) => fairlySilentMs(outcome, context), ...asked }: SuspectQuestion,
  context: ShareContext,
): Promise<LoneOutcome> {
  const { suspects, lone, tenantDeadlineMs, now, closing } = context;
  const options = { timeoutMs: tenantDeadlineMs, untilMs: now() + tenantDeadlineMs, signals: [closing], ...asked };
  suspects.asking(tenant);
  const outcome = await lone.ask(options).catch((): LoneOutcome => ({ kind: "not_asked" }));
  const silent = silentMs(outcome);
  if (outcome.kind === "answered") suspects.clear(tenant);
  else if (outcome.kind === "failed") suspects.note(tenantFailure(tenant, outcome.facts));
  else if (silent !== null) suspects.note(tenantTimeout(tenant, silent));
  else suspects.postpone(tenant);
  return outcome;
}

function fairlySilentMs(outcome: LoneOutcome, context: ShareContext): number | null {
  return outcome.kind === "silent" && outcome.afterMs >= fairTimeMs(context) ? outcome.afterMs : null;
}

async function orSilent(outcome: Promise<LoneOutcome>, afterMs: number): Promise<LoneOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<LoneOutcome>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "silent", afterMs, to: "question", reached: false }), afterMs);
  });
  try {
    return await Promise.race([outcome, patience]);
  } finally {
    clearTimeout(timer);
  }
}
