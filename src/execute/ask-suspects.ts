import { speaksOfTheTenant } from "../postgres/pg-error.ts";
import { lendBudget } from "../postgres/read-budget.ts";
import type { Arm, TenantFailure } from "../types.ts";
import { noSession, notAsked, outOfTime, tenantFailure, tenantTimeout } from "./execution-error.ts";
import type { FailedArm } from "./isolate-failures.ts";
import { type AskOptions, type LoneOutcome, readWithin } from "./lone-sessions.ts";
import { fairTimeMs, probeFor, type Share, type ShareContext, type ShareOutcome } from "./share.ts";
import { RESERVE_MS } from "./take-turn.ts";

/** How long a request waits for tenants that lately did not answer. */
const PATIENCE_MS = 1_000;

/**
 * Asks tenants that lately were silent or unreachable, or slow with this question, each on a session of its own beside the lane. The request waits
 * a second at most; the asking goes on, up to the tenant deadline, so that a tenant that is merely slow is trusted again. It ends with a caller who
 * leaves before.
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
        arm,
        {
          read: readWithin(arm.sql, budget),
          onTurn: () => (begun = true),
          caller: share.caller,
          signals: [share.signal],
        },
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
  extends Pick<AskOptions, "read" | "onTurn" | "caller">,
    Partial<Pick<AskOptions, "timeoutMs" | "untilMs" | "signals">> {
  /** Milliseconds for which the tenant was silent; null when it was not, or when it had too little time to tell. */
  readonly silentMs?: (outcome: LoneOutcome) => number | null;
}

/**
 * Asks one suspect, whether it can be reached and then the question, and updates what is known of both. Never rejects: nobody may be waiting any more.
 */
export async function askSuspect(
  arm: Arm,
  { silentMs = (outcome) => fairlySilentMs(outcome, context), ...asked }: SuspectQuestion,
  context: ShareContext,
): Promise<LoneOutcome> {
  const { tenant } = arm;
  const { suspects, slow, lone, tenantDeadlineMs, now, closing } = context;
  const probe = probeFor(arm, context);
  let reached = false;
  const options: AskOptions = {
    timeoutMs: tenantDeadlineMs,
    untilMs: now() + tenantDeadlineMs,
    ...asked,
    probe: probe && { ...probe, onAnswer: () => (reached = true) },
    signals: [closing, ...(asked.signals ?? [])],
  };
  suspects.asking(tenant);
  const outcome = await lone.ask(options).catch((): LoneOutcome => ({ kind: "not_asked" }));
  const silent = silentMs(outcome);
  if (outcome.kind === "answered") {
    suspects.clear(tenant);
    slow.clear(arm);
  } else if (outcome.kind === "failed") {
    const failure = tenantFailure(tenant, outcome.facts);
    const isSlow = outcome.facts.kind === "timeout";
    if (isSlow) slow.note(arm, failure);
    else slow.clear(arm);
    if (isSlow || !speaksOfTheTenant(outcome.facts)) suspects.clear(tenant);
    else suspects.note(failure);
  } else if (silent === null) suspects.postpone(tenant);
  else if (reached) {
    suspects.clear(tenant);
    slow.note(arm, tenantTimeout(tenant, silent));
  } else suspects.note(tenantTimeout(tenant, silent));
  return outcome;
}

function fairlySilentMs(outcome: LoneOutcome, context: ShareContext): number | null {
  if (outcome.kind !== "silent") return null;
  return outcome.to === "probe" || outcome.afterMs >= fairTimeMs(context) ? outcome.afterMs : null;
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
