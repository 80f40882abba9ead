import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { MessageTooLarge, pgErrorFacts } from "../postgres/pg-error.ts";
import { lendBudget } from "../postgres/read-budget.ts";
import type { Arm, TenantFailure } from "../types.ts";
import { askSuspects } from "./ask-suspects.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { outOfTime } from "./execution-error.ts";
import { isolateFailures, type Progress, startProgress, takeApart } from "./isolate-failures.ts";
import type { Lane } from "./lane.ts";
import { createOneByOne, type OneByOne } from "./one-by-one.ts";
import { claimTreatment, joinOutcomes, type Share, type ShareContext, type ShareOutcome } from "./share.ts";
import { endTurn, takeTurn } from "./take-turn.ts";
import { unionAll } from "./union-all.ts";

/** Arms by how their tenants are to be asked. */
interface SortedArms {
  readonly shared: readonly Arm[];
  readonly alone: readonly Arm[];
  readonly apart: readonly Arm[];
  readonly down: readonly TenantFailure[];
}

/**
 * Runs one lane's arms in the lane's turn. Every arm ends in exactly one of: an answer, `failed`, `absent`. Who failed is not yet under suspicion:
 * the others' answers tell whose fault it is. Rejects with `ExecutionError` when the query is refused, with `FEDERATION_UNAVAILABLE`, or with the
 * signal's reason.
 */
export async function runShare(lane: Lane, share: Share, context: ShareContext): Promise<ShareOutcome> {
  const { shared, alone, apart, down } = sortOut(share.arms, context);
  // A lane that a tenant holds up which is down must not hold up a request that asks nothing of it.
  const asking = askSuspects(apart, share, context);
  const onLane = await runOnLane(lane, [...shared, ...alone], share, context);
  return joinOutcomes([onLane, await asking, { answers: [], failed: [], absent: down }]);
}

async function runOnLane(lane: Lane, arms: readonly Arm[], share: Share, context: ShareContext): Promise<ShareOutcome> {
  const nothing: ShareOutcome = { answers: [], failed: [], absent: [] };
  if (arms.length === 0) return nothing;
  const turn = await takeTurn(lane, share, context);
  if (turn === null) return { ...nothing, absent: arms.map(({ tenant }) => outOfTime(tenant)) };
  // Decided anew: a tenant may have failed, or answered, while the lane was somebody else's.
  const { shared, alone, apart, down } = sortOut(arms, context);
  const asking = askSuspects(apart, share, context);
  const progress = startProgress([shared, ...alone.map((arm) => [arm])]);
  // A lane that nobody needs any more may hold the transaction of the question before.
  const mayEnd = progress.pending.length === 0 ? Promise.resolve() : Promise.race([turn.wanted, share.cleanUpDue]);
  const running = runInTurn(lane, progress, share, context);
  void running
    .then((late) => (late === null ? mayEnd : undefined))
    .catch(() => mayEnd)
    .then(() => endTurn(turn, share.signal, context));
  // Of a lane that is late the turn is somebody else's by now: its tenants are asked beside it.
  const late = await running;
  const silent = (await late?.settle().finally(late.stop)) ?? [];
  const { answers, failed } = progress;
  return joinOutcomes([{ answers, failed, absent: [...silent, ...down] }, await asking]);
}

function sortOut(arms: readonly Arm[], context: ShareContext): SortedArms {
  const [shared, alone, apart]: [Arm[], Arm[], Arm[]] = [[], [], []];
  const down: TenantFailure[] = [];
  for (const arm of arms) {
    const treatment = claimTreatment(arm, context);
    if (treatment === "shared") shared.push(arm);
    else if (treatment === "alone") alone.push(arm);
    else if (treatment === "apart") apart.push(arm);
    else down.push(treatment);
  }
  return { shared, alone, apart, down };
}

/** Takes `progress` to its end, or as far as it comes in the lane's time: then its tenants are being asked one by one, to be settled and stopped. */
async function runInTurn(
  lane: Lane,
  progress: Progress,
  share: Share,
  context: ShareContext,
): Promise<OneByOne | null> {
  const tenants = progress.pending.flat().length;
  if (tenants === 0) return null;
  const startedAtMs = context.now();
  // Half of what is left at most: a lane that is held up must leave time to ask its tenants one by one.
  const laneMs = Math.min(context.tenantDeadlineMs, (share.deadlineAtMs - startedAtMs) / 2);
  const deadline = startDeadline(laneMs, share.signal);
  const apart = createOneByOne(progress, share, context);
  const early = setTimeout(apart.begin, laneMs - apart.patienceMs(laneMs));
  let isDone = true;
  try {
    isDone = await runOnSession(lane, progress, share, deadline);
    return isDone ? null : apart;
  } finally {
    clearTimeout(early);
    if (isDone) apart.stop();
    deadline.clear();
    const seconds = (context.now() - startedAtMs) / 1_000;
    context.observe({ kind: "lane.ran", group: lane.group, lane: lane.index, tenants, seconds });
  }
}

/** True when all arms are done, false when time ran out. A lost connection is replaced once, and whenever a row has ended it. */
async function runOnSession(lane: Lane, progress: Progress, share: Share, deadline: Deadline): Promise<boolean> {
  const { signal } = deadline;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const session = await lane.session(signal);
      // A statement that connects to many tenants takes long: stopped at the deadline, it would leave none of their answers.
      takeApart(progress, ({ tenant }) => !lane.hasAsked(tenant));
      await isolateFailures(progress, async (arms) => {
        lane.noteAsked(arms.map(({ tenant }) => tenant));
        const budget = lendBudget(share.budget);
        return session
          .run(unionAll(arms), { budget, signal, cleanUpLater: true, together: share.together })
          .catch((error: unknown) => {
            // What it took is nobody's, at once: whoever asks these tenants one by one needs the room.
            budget.revoke();
            // Halving finds whose row it is: the tenants beside it have rows that can be read.
            if (error instanceof MessageTooLarge) attempt = 0;
            throw error;
          });
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
