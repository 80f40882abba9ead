import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { pgErrorFacts } from "../postgres/pg-error.ts";
import type { RowSink } from "../postgres/stream-rows.ts";
import type { Arm, TenantFailure, TextRows } from "../types.ts";
import { askSuspect } from "./ask-suspects.ts";
import { startDeadline } from "./deadline.ts";
import { noSession, notAsked, outOfTime, tenantTimeout } from "./execution-error.ts";
import { armFault, type FailedArm } from "./isolate-failures.ts";
import type { Asker, Lane } from "./lane.ts";
import { type LoneOutcome, type ReadOn, readProbe } from "./lone-sessions.ts";
import { claimTreatment, type ShareContext, type ShareOutcome } from "./share.ts";
import { limitSilence, type SilenceLimit } from "./silence.ts";
import { endTurn, RESERVE_MS, takeTurn } from "./take-turn.ts";

/** Takes the rows of one arm. When the arm ends, exactly one of `complete` and `drop` is called. */
export interface ArmSink extends RowSink {
  /** The arm has been answered. False when there was no room for all of what was taken. */
  complete(): boolean;
  /** It has not: what was taken is nobody's. */
  drop(): void;
}

/** One lane's part of a query whose rows are streamed. */
export interface StreamedShare extends Pick<Asker, "caller"> {
  readonly arms: readonly Arm[];
  /** A new sink; an arm that is run again gets another. */
  readonly sinkFor: (arm: Arm) => ArmSink;
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

/** How long a probe may wait for those of other lanes, each of which has its time. */
const PROBES_IN_TURN = 4;

type ArmOutcome =
  | { readonly kind: "answered"; readonly whole: boolean }
  | { readonly kind: "failed"; readonly failed: FailedArm }
  | { readonly kind: "absent"; readonly failure: TenantFailure };

/**
 * Runs one lane's arms one after another, each as a statement of its own: a tenant that fails then spoils nobody else's rows, and it is known whose
 * they are. Each takes the lane's turn anew, so that other requests come in between. A tenant is given up when it is silent for `tenantDeadlineMs`,
 * however long its rows take. The outcome's answers have no rows. Rejects as `runShare` does.
 */
export async function streamShare(lane: Lane, share: StreamedShare, context: ShareContext): Promise<ShareOutcome> {
  const apart = share.arms.filter((arm) => claimTreatment(arm, context) === "apart");
  const onLane = share.arms.filter((arm) => !apart.includes(arm));
  const asking = Promise.allSettled(apart.map((arm) => streamApart(arm, share, context)));
  const outcomes: ArmOutcome[] = [];
  try {
    for (const arm of onLane) outcomes.push(await streamOnLane(lane, arm, share, context));
  } finally {
    // Their sinks are theirs until they have ended.
    for (const asked of await asking) if (asked.status === "fulfilled") outcomes.push(asked.value);
  }
  for (const asked of await asking) if (asked.status === "rejected") throw asked.reason;
  return {
    answers: outcomes.flatMap((one): TextRows[] => (one.kind === "answered" ? [withoutRows(one.whole)] : [])),
    failed: outcomes.flatMap((one) => (one.kind === "failed" ? [one.failed] : [])),
    absent: outcomes.flatMap((one) => (one.kind === "absent" ? [one.failure] : [])),
  };
}

function withoutRows(whole: boolean): TextRows {
  return { columns: [], rows: [], truncated: !whole };
}

/**
 * One arm in the lane's turn, and what its end says of the tenant. A session that was lost, or cancelled by somebody else, is tried once more. Throws
 * FEDERATION_UNAVAILABLE when it was lost twice.
 */
async function streamOnLane(lane: Lane, arm: Arm, share: StreamedShare, context: ShareContext): Promise<ArmOutcome> {
  const late: ArmOutcome = { kind: "absent", failure: outOfTime(arm.tenant) };
  for (let attempt = 1; ; attempt += 1) {
    if (share.deadlineAtMs - RESERVE_MS - context.now() <= 0) return late;
    const turn = await takeTurn(lane, share, context);
    if (turn === null) return late;
    const outcome = await streamAsTrusted(lane, arm, share, context).finally(() =>
      endTurn(turn, share.signal, context),
    );
    if (outcome === "apart") return streamApart(arm, share, context);
    if (typeof outcome !== "string") return outcome;
    if (attempt < 2) continue;
    if (outcome === "lost") throw federationUnavailable(undefined);
    return late;
  }
}

/** What keeps an arm from an outcome on its lane: it is to be asked elsewhere, or the session was lost or cancelled by somebody else. */
type Hindrance = "apart" | "lost" | "cancelled";

/** Decides in the turn: the tenant may have failed while the lane was somebody else's. */
async function streamAsTrusted(
  lane: Lane,
  arm: Arm,
  share: StreamedShare,
  context: ShareContext,
): Promise<ArmOutcome | Hindrance> {
  const treatment = claimTreatment(arm, context);
  if (typeof treatment !== "string") return { kind: "absent", failure: treatment };
  return treatment === "apart" ? "apart" : streamInTurn(lane, arm, share, context);
}

async function streamInTurn(
  lane: Lane,
  arm: Arm,
  share: StreamedShare,
  context: ShareContext,
): Promise<ArmOutcome | Hindrance> {
  const { tenantDeadlineMs, observe, now } = context;
  const startedAtMs = now();
  const deadline = startDeadline(share.deadlineAtMs - RESERVE_MS - now(), share.signal);
  let silence: SilenceLimit | null = null;
  const sink = share.sinkFor(arm);
  let answered = false;
  try {
    const session = await lane.session(deadline.signal);
    // What the statement before has left to close is not this tenant's silence.
    await session.idle();
    lane.noteAsked([arm.tenant]);
    silence = limitSilence(tenantDeadlineMs, deadline.signal);
    const streamed = await session.stream(arm.sql, { sink: heardBy(silence, sink), signal: silence.signal });
    answered = true;
    return { kind: "answered", whole: sink.complete() && streamed };
  } catch (error) {
    if (share.signal.aborted) throw share.signal.reason;
    if (silence?.passed() === true) return await blame(arm, share, context);
    if (deadline.passed()) return { kind: "absent", failure: outOfTime(arm.tenant) };
    const kind = pgErrorFacts(error)?.kind;
    if (kind === "cancelled") return "cancelled";
    if (kind === "connection_lost") {
      lane.discard();
      return "lost";
    }
    return { kind: "failed", failed: { arm, facts: armFault(error) } };
  } finally {
    if (!answered) sink.drop();
    silence?.clear();
    deadline.clear();
    const seconds = (now() - startedAtMs) / 1_000;
    observe({ kind: "lane.ran", group: lane.group, lane: lane.index, tenants: 1, seconds });
  }
}

/**
 * A silence is the tenant's only if it does not answer a probe either, which had its time: many lanes may fall silent together, and their probes wait for
 * each other. All others are slow with this question, as far as anybody knows. Throws FEDERATION_UNAVAILABLE when there is no session to be had.
 */
async function blame(arm: Arm, { caller }: StreamedShare, context: ShareContext): Promise<ArmOutcome> {
  const { tenant } = arm;
  const { suspects, slow, lone, probeMs, tenantDeadlineMs, now, closing } = context;
  const failure = tenantTimeout(tenant, tenantDeadlineMs);
  const probe = context.probeOf(tenant);
  if (probe === undefined) {
    suspects.note(failure);
    return { kind: "absent", failure };
  }
  const timeoutMs = probeMs();
  const untilMs = now() + PROBES_IN_TURN * timeoutMs;
  const outcome = await lone.ask({ read: readProbe(probe.sql), timeoutMs, untilMs, caller, signals: [closing] });
  if (outcome.kind === "no_session") throw federationUnavailable(undefined);
  const isTenants = outcome.kind === "failed" || (outcome.kind === "silent" && outcome.afterMs >= timeoutMs);
  if (isTenants) suspects.note(failure);
  else slow.note(arm, failure);
  return { kind: "absent", failure: outcome.kind === "not_asked" ? notAsked(tenant) : failure };
}

/** One that was silent, and may be so again, is asked on a session of its own, where it holds nobody up. It too may take long if its rows flow. */
async function streamApart(arm: Arm, share: StreamedShare, context: ShareContext): Promise<ArmOutcome> {
  const { tenantDeadlineMs, now } = context;
  const { tenant } = arm;
  const sink = share.sinkFor(arm);
  let silentMs: number | null = null;
  const read: ReadOn = async (session, signal) => {
    const silence = limitSilence(tenantDeadlineMs, signal);
    try {
      return withoutRows(await session.stream(arm.sql, { sink: heardBy(silence, sink), signal: silence.signal }));
    } finally {
      if (silence.passed()) silentMs = tenantDeadlineMs;
      silence.clear();
    }
  };
  const untilMs = share.deadlineAtMs - RESERVE_MS;
  const silentFor = (outcome: LoneOutcome): number | null =>
    silentMs ?? (outcome.kind === "silent" && outcome.to === "probe" ? outcome.afterMs : null);
  const { caller, signal } = share;
  const asked = { read, timeoutMs: untilMs - now(), untilMs, caller, signals: [signal], silentMs: silentFor };
  const outcome = await askSuspect(arm, asked, context);
  if (outcome.kind === "answered") return { kind: "answered", whole: sink.complete() && !outcome.rows.truncated };
  sink.drop();
  if (outcome.kind === "failed") return { kind: "failed", failed: { arm, facts: outcome.facts, noted: true } };
  const silent = silentFor(outcome);
  if (silent !== null) return { kind: "absent", failure: tenantTimeout(tenant, silent) };
  const unasked = outcome.kind === "no_session" ? noSession : outcome.kind === "not_asked" ? notAsked : outOfTime;
  return { kind: "absent", failure: unasked(tenant) };
}

/** The sink, with each row heard; while it is full, nobody else is to blame for the silence. */
function heardBy(silence: SilenceLimit, sink: ArmSink): RowSink {
  return {
    take(bytes, start, end) {
      silence.heard();
      return sink.take(bytes, start, end);
    },
    full() {
      const room = sink.full();
      if (room === null) return null;
      silence.hold();
      return room.finally(silence.heard);
    },
  };
}
