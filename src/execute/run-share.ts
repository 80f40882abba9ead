import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { pgErrorFacts } from "../postgres/pg-error.ts";
import type { Arm, TenantFailure } from "../types.ts";
import { askSuspects } from "./ask-suspects.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { outOfTime, tenantFailure } from "./execution-error.ts";
import { isolateFailures, type Progress, startProgress, takeApart } from "./isolate-failures.ts";
import type { Lane, LaneTurn } from "./lane.ts";
import { createOneByOne } from "./one-by-one.ts";
import type { Share, ShareContext, ShareOutcome } from "./share.ts";
import type { Treatment } from "./suspects.ts";
import { endTurn, takeTurn } from "./take-turn.ts";
import { unionAll } from "./union-all.ts";

const NO_TURN: LaneTurn = { end: async () => true };

/**
 * Runs one lane's arms in the lane's turn. Every arm ends in exactly one of: an answer, `failed`, `absent`.
 * Rejects with `ExecutionError` when the query is refused, with `FEDERATION_UNAVAILABLE`, or with the signal's reason.
 */
export async function runShare(lane: Lane, share: Share, context: ShareContext): Promise<ShareOutcome> {
  const { suspects } = context;
  // A lane that a tenant holds up which is down must not hold up a request that asks nothing of it.
  const asksLane = share.arms.some(({ tenant }) => isOnLane(suspects.treatmentOf(tenant)));
  const turn = asksLane ? await takeTurn(lane, share, context) : NO_TURN;
  if (turn === null) return { answers: [], failed: [], absent: share.arms.map(({ tenant }) => outOfTime(tenant)) };

  const absent: TenantFailure[] = [];
  // Decided now: a tenant may have failed, or answered, while the lane was somebody else's.
  const [shared, alone, apart]: [Arm[], Arm[], Arm[]] = [[], [], []];
  for (const arm of share.arms) {
    const treatment = suspects.treatmentOf(arm.tenant);
    if (treatment === "shared") shared.push(arm);
    else if (treatment === "alone") alone.push(arm);
    else if (treatment === "apart") apart.push(arm);
    else absent.push(treatment);
  }
  const asking = askSuspects(apart, share, context);
  const progress = startProgress([shared, ...alone.map((arm) => [arm])]);
  try {
    absent.push(...(await runInTurn(lane, progress, share, context)));
  } finally {
    endTurn(turn, share.signal, context);
  }
  const asked = await asking;
  for (const { arm, facts } of progress.failed) if (facts.remote) suspects.note(tenantFailure(arm.tenant, facts));
  return {
    answers: [...progress.answers, ...asked.answers],
    failed: [...progress.failed, ...asked.failed],
    absent: [...absent, ...asked.absent],
  };
}

function isOnLane(treatment: Treatment): boolean {
  return treatment === "shared" || treatment === "alone";
}

/** Takes `progress` to its end; gives the tenants that stayed silent. */
async function runInTurn(
  lane: Lane,
  progress: Progress,
  share: Share,
  context: ShareContext,
): Promise<readonly TenantFailure[]> {
  const tenants = progress.pending.flat().length;
  if (tenants === 0) return [];
  const startedAtMs = context.now();
  // Half of what is left at most: a lane that is held up must leave time to ask its tenants one by one.
  const laneMs = Math.min(context.tenantDeadlineMs, (share.deadlineAtMs - startedAtMs) / 2);
  const deadline = startDeadline(laneMs, share.signal);
  const apart = createOneByOne(progress, share, context);
  const early = setTimeout(apart.begin, laneMs - apart.patienceMs(laneMs));
  try {
    if (await runOnSession(lane, progress, share, deadline)) return [];
    return await apart.settle();
  } finally {
    clearTimeout(early);
    apart.stop();
    deadline.clear();
    const seconds = (context.now() - startedAtMs) / 1_000;
    context.observe({ kind: "lane.ran", group: lane.group, lane: lane.index, tenants, seconds });
  }
}

/** True when all arms are done, false when time ran out. A lost connection is replaced once. */
async function runOnSession(lane: Lane, progress: Progress, share: Share, deadline: Deadline): Promise<boolean> {
  const { signal } = deadline;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const session = await lane.session(signal);
      // A statement that connects to many tenants takes long: stopped at the deadline, it would leave none of their answers.
      takeApart(progress, ({ tenant }) => !lane.hasAsked(tenant));
      await isolateFailures(progress, (arms) => {
        lane.noteAsked(arms.map(({ tenant }) => tenant));
        return session.run(unionAll(arms), { budget: share.budget, signal });
      });
      return true;
    } catch (error) {
      const kind = pgErrorFacts(error)?.kind;
      if (share.signal.aborted) throw share.signal.reason;
      if (deadline.passed() || kind === "cancelled") return false;
      if (kind !== "connection_lost") throw error;
      lane.discard();
      if (attempt === 2) throw federationUnavailable(error);
    }
  }
}
