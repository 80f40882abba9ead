import type { Observe } from "../observation.ts";
import type { ReadBudget } from "../postgres/read-budget.ts";
import type { Arm, TenantFailure, TextRows } from "../types.ts";
import type { FailedArm } from "./isolate-failures.ts";
import type { LoneSessions } from "./lone-sessions.ts";
import type { StuckSessions } from "./stuck-sessions.ts";
import type { Suspects } from "./suspects.ts";

/** What the shares of all queries have in common. */
export interface ShareContext {
  readonly suspects: Suspects;
  readonly lone: LoneSessions;
  readonly stuck: StuckSessions;
  readonly tenantDeadlineMs: number;
  readonly observe: Observe;
  readonly now: () => number;
  /** Aborts when the executor closes. */
  readonly closing: AbortSignal;
}

/** One lane's part of a query. */
export interface Share {
  readonly arms: readonly Arm[];
  readonly budget: ReadBudget;
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

/** What came of it: every arm is in exactly one of the three. */
export interface ShareOutcome {
  readonly answers: readonly TextRows[];
  readonly failed: readonly FailedArm[];
  /** Tenants that did not answer in time, or were not asked since they lately failed. */
  readonly absent: readonly TenantFailure[];
}
