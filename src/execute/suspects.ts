import type { FailureReason, TenantFailure } from "../types.ts";

/**
 * How a tenant is asked next:
 * - `shared`: in one statement with the others of its lane;
 * - `alone`: by a statement of its own, on its lane: its arm failed lately, and would fail the others' statement again;
 * - `apart`: on a session of its own: it could not be reached or did not answer, and would hold up its lane;
 * - a failure: not at all, since it was just asked, or is being asked.
 */
export type Treatment = "shared" | "alone" | "apart" | TenantFailure;

/** Tenants that failed lately. */
export interface Suspects {
  treatmentOf(tenant: string): Treatment;
  /** A tenant failed: it is a suspect for the next 30 seconds. */
  note(failure: TenantFailure): void;
  /** A tenant is asked apart: until that ends, others are told of its last failure. */
  asking(tenant: string): void;
  /** A tenant was to be asked apart and could not be: what is known of it stays, and it may be asked again after the pause. */
  postpone(tenant: string): void;
  /** A tenant that was asked apart has answered, and is trusted again. */
  clear(tenant: string): void;
}

interface Suspect {
  readonly failure: TenantFailure;
  readonly expiresAtMs: number;
  readonly askAgainAtMs: number;
}

const EXPIRES_AFTER_MS = 30_000;
const MAX_SUSPECTS = 10_000;

// Each attempt at a silent tenant may leave a session behind that is stuck for 30 s: the pause bounds how many.
const PAUSE_MS: Readonly<Partial<Record<FailureReason, number>>> = { timeout: 5_000, unreachable: 1_000 };

/** Remembers at most 10,000 tenants; the oldest leave first. */
export function createSuspects({ now }: { readonly now: () => number }): Suspects {
  const suspects = new Map<string, Suspect>();
  return {
    treatmentOf(tenant) {
      const suspect = suspects.get(tenant);
      if (suspect === undefined || suspect.expiresAtMs <= now()) {
        suspects.delete(tenant);
        return "shared";
      }
      if (PAUSE_MS[suspect.failure.reason] === undefined) return "alone";
      return suspect.askAgainAtMs <= now() ? "apart" : suspect.failure;
    },
    note(failure) {
      suspects.delete(failure.tenant);
      const askAgainAtMs = now() + (PAUSE_MS[failure.reason] ?? 0);
      suspects.set(failure.tenant, { failure, expiresAtMs: now() + EXPIRES_AFTER_MS, askAgainAtMs });
      const [oldest] = suspects.keys();
      if (suspects.size > MAX_SUSPECTS && oldest !== undefined) suspects.delete(oldest);
    },
    asking(tenant) {
      const suspect = suspects.get(tenant);
      if (suspect !== undefined) suspects.set(tenant, { ...suspect, askAgainAtMs: Number.POSITIVE_INFINITY });
    },
    postpone(tenant) {
      const suspect = suspects.get(tenant);
      if (suspect === undefined) return;
      suspects.set(tenant, { ...suspect, askAgainAtMs: now() + (PAUSE_MS[suspect.failure.reason] ?? 0) });
    },
    clear(tenant) {
      suspects.delete(tenant);
    },
  };
}
