import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { pgErrorFacts } from "../postgres/pg-error.ts";
import type { RowSink } from "../postgres/stream-rows.ts";
import type { Arm, TenantFailure, TextRows } from "../types.ts";
import { notAsked, outOfTime, tenantFailure, tenantTimeout } from "./execution-error.ts";
import { armFault, type FailedArm } from "./isolate-failures.ts";
import type { Lane } from "./lane.ts";
import type { ShareContext, ShareOutcome } from "./share.ts";
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
export interface StreamedShare {
  readonly arms: readonly Arm[];
  /** A new sink; an arm that is run again gets another. */
  readonly sinkFor: (arm: Arm) => ArmSink;
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

type ArmOutcome =
  | { readonly kind: "answered"; readonly whole: boolean }
  | { readonly kind: "failed"; readonly failed: FailedArm }
  | { readonly kind: "absent"; readonly failure: TenantFailure };

/**
 * Runs one lane's arms one after another in the lane's turn, each as a statement of its own: a tenant that fails then spoils nobody else's rows, and
 * it is known whose they are. A tenant is given up when it is silent for `tenantDeadlineMs`, however long its rows take. The outcome's answers have
 * no rows. Rejects as `runShare` does.
 */
export async function streamShare(lane: Lane, share: StreamedShare, context: ShareContext): Promise<ShareOutcome> {
  const { suspects, observe, now } = context;
  const answers: TextRows[] = [];
  const failed: FailedArm[] = [];
  const absent: TenantFailure[] = [];
  const [trusted, doubted]: [Arm[], Arm[]] = [[], []];
  for (const arm of share.arms) {
    const treatment = suspects.treatmentOf(arm.tenant);
    if (treatment === "shared") trusted.push(arm);
    else if (typeof treatment === "string") doubted.push(arm);
    else absent.push(treatment);
  }
  const arms = [...trusted, ...doubted];
  const turn = arms.length === 0 ? null : await takeTurn(lane, share, context);
  if (turn === null) return { answers, failed, absent: [...absent, ...arms.map(({ tenant }) => outOfTime(tenant))] };

  const startedAtMs = now();
  try {
    for (const arm of arms) {
      const outcome = await streamArm(lane, arm, share, context);
      if (outcome.kind === "failed") failed.push(outcome.failed);
      else if (outcome.kind === "absent") absent.push(outcome.failure);
      else answers.push({ columns: [], rows: [], truncated: !outcome.whole });
    }
  } finally {
    endTurn(turn, share.signal, context);
    const seconds = (now() - startedAtMs) / 1_000;
    observe({ kind: "lane.ran", group: lane.group, lane: lane.index, tenants: arms.length, seconds });
  }
  return { answers, failed, absent };
}

/** One arm, and what its end says of the tenant. A lost connection is replaced once. */
async function streamArm(lane: Lane, arm: Arm, share: StreamedShare, context: ShareContext): Promise<ArmOutcome> {
  const { suspects, stuck, tenantDeadlineMs, now } = context;
  for (let attempt = 1; ; attempt += 1) {
    const leftMs = share.deadlineAtMs - RESERVE_MS - now();
    if (leftMs <= 0) return { kind: "absent", failure: outOfTime(arm.tenant) };
    if (stuck.tooMany()) return { kind: "absent", failure: notAsked(arm.tenant) };
    const silence = limitSilence(tenantDeadlineMs, share.signal);
    const late = setTimeout(silence.stop, leftMs);
    const sink = share.sinkFor(arm);
    let answered = false;
    try {
      const session = await lane.session(silence.signal);
      const streamed = await session.stream(arm.sql, { sink: heardBy(silence, sink), signal: silence.signal });
      answered = true;
      const whole = sink.complete() && streamed;
      if (suspects.treatmentOf(arm.tenant) === "apart") suspects.clear(arm.tenant);
      return { kind: "answered", whole };
    } catch (error) {
      if (share.signal.aborted) throw share.signal.reason;
      if (silence.passed()) return { kind: "absent", failure: silentTenant(arm, context) };
      if (silence.signal.aborted) return { kind: "absent", failure: outOfTime(arm.tenant) };
      if (pgErrorFacts(error)?.kind !== "connection_lost") {
        const facts = armFault(error);
        if (facts.remote) suspects.note(tenantFailure(arm.tenant, facts));
        return { kind: "failed", failed: { arm, facts } };
      }
      lane.discard();
      if (attempt === 2) throw federationUnavailable(error);
    } finally {
      if (!answered) sink.drop();
      clearTimeout(late);
      silence.clear();
    }
  }
}

function silentTenant({ tenant }: Arm, { suspects, tenantDeadlineMs }: ShareContext): TenantFailure {
  const failure = tenantTimeout(tenant, tenantDeadlineMs);
  suspects.note(failure);
  return failure;
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
