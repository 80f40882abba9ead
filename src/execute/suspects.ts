import type { Observe } from "../observation.ts";
import type { FailureReason, TenantDoubt, TenantFailure } from "../types.ts";
import { pauseMs } from "./pause.ts";

/**
 * How a tenant is asked next:
 * - `shared`: in one statement with the others of its lane;
 * - `alone`: by a statement of its own, on its lane: its arm failed lately, and would fail the others' statement again;
 * - `apart`: on a session of its own: it did not answer lately, can be reached again, and might hold up its lane;
 * - a failure: not at all, since it is down, or is being asked.
 */
export type Treatment = "shared" | "alone" | "apart" | TenantFailure;

/**
 * Tenants that failed lately: a circuit breaker for each. One that is down (silent, unreachable) is asked nothing until a probe beside the
 * requests finds it reachable; then the next request asks it apart, and an answer closes the breaker.
 */
export interface Suspects {
  treatmentOf(tenant: string): Treatment;
  /**
   * A tenant failed. One that is down stays so until `allow` or `clear`, and is due for a probe later each time.
   */
  note(failure: TenantFailure): void;
  /** A tenant is asked apart, or probed: until that ends, others are told of its last failure. */
  asking(tenant: string): void;
  /** A tenant was to be asked and could not be: what is known of it stays, and it is due again after the pause. */
  postpone(tenant: string): void;
  /** A probe has found the tenant reachable: the next request may ask it apart. */
  allow(tenant: string): void;
  /** A tenant has answered, and is trusted again. */
  clear(tenant: string): void;
  /** Tenants whose next probe is due. */
  due(): readonly TenantFailure[];
  /** Tenants that are down or on trial, those that failed first at the front. */
  doubts(): readonly TenantDoubt[];
  /** Forgets tenants that are not among these. */
  retain(tenants: ReadonlySet<string>): void;
}

export interface SuspectsOptions {
  readonly now: () => number;
  readonly observe: Observe;
  /** Called when a tenant that was down is trusted again. */
  readonly onTrusted: (tenant: string) => void;
  /** From 0 to 1, as `Math.random`, which it is when absent. */
  readonly random?: () => number;
}

interface Suspect {
  readonly failure: TenantFailure;
  readonly sinceMs: number;
  readonly failures: number;
  readonly state: "open" | "asking" | "half-open";
  readonly dueAtMs: number;
}

/** What speaks of one arm is forgotten after this long; a tenant that is down is down until it is not. */
const ARM_EXPIRES_AFTER_MS = 30_000;
const MAX_SUSPECTS = 10_000;

// Each attempt at a silent tenant may leave a session behind that is stuck for 30 s: the pause bounds how many.
const PAUSE_MS: Readonly<Partial<Record<FailureReason, number>>> = { timeout: 5_000, unreachable: 1_000 };

/** Remembers at most 10,000 tenants; the oldest leave first. */
export function createSuspects({ now, observe, onTrusted, random = Math.random }: SuspectsOptions): Suspects {
  const suspects = new Map<string, Suspect>();

  const pauseAfter = ({ reason }: TenantFailure, failures: number): number =>
    pauseMs(PAUSE_MS[reason] ?? 0, failures, random);

  function tell(tenant: string, before: Suspect | undefined): void {
    const states = [before, suspects.get(tenant)].map((suspect) => stateOf(suspect));
    const [was, is = "closed"] = states;
    if (was === is) return;
    const reason = suspects.get(tenant)?.failure.reason ?? before?.failure.reason ?? "timeout";
    observe({ kind: "tenant.state", tenant, state: is, reason });
  }

  function change(tenant: string, change: (suspect: Suspect) => Suspect | null): void {
    const before = suspects.get(tenant);
    if (before === undefined) return;
    const after = change(before);
    if (after === null) suspects.delete(tenant);
    else suspects.set(tenant, after);
    tell(tenant, before);
  }

  return {
    treatmentOf(tenant) {
      const suspect = suspects.get(tenant);
      if (suspect === undefined) return "shared";
      if (isDown(suspect)) return suspect.state === "half-open" ? "apart" : suspect.failure;
      if (suspect.sinceMs + ARM_EXPIRES_AFTER_MS > now()) return "alone";
      suspects.delete(tenant);
      return "shared";
    },
    note(failure) {
      const before = suspects.get(failure.tenant);
      const known = before !== undefined && isDown(before) ? before : undefined;
      const failures = (known?.failures ?? 0) + 1;
      suspects.delete(failure.tenant);
      suspects.set(failure.tenant, {
        failure,
        sinceMs: known?.sinceMs ?? now(),
        failures,
        state: "open",
        dueAtMs: now() + pauseAfter(failure, failures),
      });
      tell(failure.tenant, before);
      const [oldest] = suspects.keys();
      if (suspects.size > MAX_SUSPECTS && oldest !== undefined) suspects.delete(oldest);
    },
    asking: (tenant) => change(tenant, (suspect) => ({ ...suspect, state: "asking" })),
    postpone: (tenant) =>
      change(tenant, (suspect) => ({ ...suspect, state: "open", dueAtMs: now() + pauseAfter(suspect.failure, 1) })),
    allow: (tenant) => change(tenant, (suspect) => ({ ...suspect, state: "half-open" })),
    clear(tenant) {
      const before = suspects.get(tenant);
      change(tenant, () => null);
      if (before !== undefined && isDown(before)) onTrusted(tenant);
    },
    due: () =>
      [...suspects.values()].flatMap(({ failure, state, dueAtMs }) =>
        state === "open" && PAUSE_MS[failure.reason] !== undefined && dueAtMs <= now() ? [failure] : [],
      ),
    doubts: () =>
      [...suspects.values()]
        .filter(isDown)
        .map((suspect) => ({
          tenant: suspect.failure.tenant,
          state: suspect.state === "open" ? ("open" as const) : ("half-open" as const),
          reason: suspect.failure.reason,
          sinceMs: suspect.sinceMs,
        }))
        .sort((a, b) => a.sinceMs - b.sinceMs),
    retain(tenants) {
      for (const tenant of [...suspects.keys()]) if (!tenants.has(tenant)) change(tenant, () => null);
    },
  };
}

function isDown({ failure }: Suspect): boolean {
  return PAUSE_MS[failure.reason] !== undefined;
}

function stateOf(suspect: Suspect | undefined): "closed" | "open" | "half-open" {
  if (suspect === undefined || !isDown(suspect)) return "closed";
  return suspect.state === "open" ? "open" : "half-open";
}
