import type { Observe } from "../observation.ts";
import type { ReadBudget } from "../postgres/read-budget.ts";
import type { Arm, TenantFailure, TextRows } from "../types.ts";
import type { FailedArm } from "./isolate-failures.ts";
import type { Asker } from "./lane.ts";
import { type AskOptions, type LoneSessions, readProbe } from "./lone-sessions.ts";
import type { SlowQuestions } from "./slow-questions.ts";
import type { StuckSessions } from "./stuck-sessions.ts";
import type { Suspects, Treatment } from "./suspects.ts";

/** What the shares of all queries have in common. */
export interface ShareContext {
  readonly suspects: Suspects;
  readonly slow: SlowQuestions;
  readonly lone: LoneSessions;
  readonly stuck: StuckSessions;
  /** The statement that only reaches a tenant, as `tenantProbes` makes it. */
  readonly probeOf: (tenant: string) => Arm | undefined;
  /** How long reaching a tenant may take that can be reached: connecting takes 15 round trips. */
  readonly probeMs: () => number;
  readonly tenantDeadlineMs: number;
  readonly observe: Observe;
  readonly now: () => number;
  /** Aborts when the executor closes. */
  readonly closing: AbortSignal;
}

/** How an arm is asked next: what is known of its tenant decides first, then what is known of its question, whose trial may be claimed with that. */
export function claimTreatment(arm: Arm, { suspects, slow }: Pick<ShareContext, "suspects" | "slow">): Treatment {
  const treatment = suspects.treatmentOf(arm.tenant);
  return treatment === "shared" || treatment === "alone" ? (slow.claim(arm) ?? treatment) : treatment;
}

const FAIR_TIME_MS = 5_000;

/** A tenant that stays silent this long, alone on a session, is silent; one that a hurried request gave less may only be slow. */
export function fairTimeMs({ tenantDeadlineMs }: Pick<ShareContext, "tenantDeadlineMs">): number {
  return Math.min(tenantDeadlineMs, FAIR_TIME_MS);
}

/**
 * The statement that tells whether an arm's tenant can be reached, to be asked before the arm on a session of its own, and how long it may take. None when
 * the tenants are so far away that reaching one takes much of the tenant deadline: silence for less would say nothing.
 */
export function probeFor(
  { tenant }: Arm,
  { probeOf, probeMs, tenantDeadlineMs }: Pick<ShareContext, "probeOf" | "probeMs" | "tenantDeadlineMs">,
  withinMs = probeMs(),
): AskOptions["probe"] {
  const probe = probeMs() <= tenantDeadlineMs / 2 ? probeOf(tenant) : undefined;
  return probe && { read: readProbe(probe.sql), withinMs };
}

/** One lane's part of a query. */
export interface Share extends Asker {
  readonly arms: readonly Arm[];
  readonly budget: ReadBudget;
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
  /** When its lane may clean up, unless somebody wants the lane sooner. */
  readonly cleanUpDue: Promise<void>;
}

/** What came of it: every arm is in exactly one of the three. */
export interface ShareOutcome {
  readonly answers: readonly TextRows[];
  readonly failed: readonly FailedArm[];
  /** Tenants that did not answer in time, or were not asked since they lately failed. */
  readonly absent: readonly TenantFailure[];
}

/** What came of several shares, as if they had been one. */
export function joinOutcomes(outcomes: readonly ShareOutcome[]): ShareOutcome {
  return {
    answers: outcomes.flatMap(({ answers }) => answers),
    failed: outcomes.flatMap(({ failed }) => failed),
    absent: outcomes.flatMap(({ absent }) => absent),
  };
}
