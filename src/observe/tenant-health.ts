import type { FailureReason } from "../types.ts";

/** Reasons that speak about the tenant; the others speak about the query. */
const DOWN_REASONS: ReadonlySet<FailureReason> = new Set<FailureReason>(["unreachable", "timeout", "not_onboarded"]);

export interface TenantHealth {
  /** Notes that a fresh answer missed the tenant. */
  failed(tenant: string, reason: FailureReason): void;
  /** Notes that the tenant is down until it has recovered, however long nobody asks. */
  wentDown(tenant: string, reason: FailureReason): void;
  recovered(tenant: string): void;
  /** 0 for tenants that are down or were missed within `downMs`, 1 for those that recovered within `forgetMs`; the rest is not there. */
  states(): readonly { readonly tenant: string; readonly up: 0 | 1 }[];
  /** Tenants that are down until they have recovered; epoch milliseconds. */
  down(): readonly { readonly tenant: string; readonly reason: FailureReason; readonly sinceMs: number }[];
}

export interface TenantHealthOptions {
  readonly now: () => number;
  /** Answers name the tenants that they miss, not those that they have: silence for this long is recovery. */
  readonly downMs: number;
  readonly forgetMs: number;
  /** Beyond this many tenants the one that failed longest ago is forgotten. */
  readonly maxTenants: number;
}

interface Seen {
  readonly atMs: number;
  readonly state: "missed" | "recovered" | { readonly reason: FailureReason; readonly sinceMs: number };
}

/** Remembers which tenants were down lately, and never more than `maxTenants` of them. */
export function createTenantHealth(options: TenantHealthOptions): TenantHealth {
  const seen = new Map<string, Seen>();
  const note = (tenant: string, state: Seen["state"]): void => {
    // Deleted first: a Map keeps the order of insertion, so that the first is the one that failed longest ago.
    seen.delete(tenant);
    seen.set(tenant, { atMs: options.now(), state });
    const [oldest] = seen.keys();
    if (seen.size > options.maxTenants && oldest !== undefined) seen.delete(oldest);
  };
  return {
    failed: (tenant, reason) => {
      const state = seen.get(tenant)?.state;
      if (DOWN_REASONS.has(reason)) note(tenant, typeof state === "object" ? state : "missed");
    },
    wentDown: (tenant, reason) => {
      const state = seen.get(tenant)?.state;
      note(tenant, { reason, sinceMs: typeof state === "object" ? state.sinceMs : options.now() });
    },
    recovered: (tenant) => {
      if (seen.has(tenant)) note(tenant, "recovered");
    },
    states: () => {
      const nowMs = options.now();
      for (const [tenant, { atMs, state }] of seen)
        if (typeof state === "string" && nowMs - atMs >= options.forgetMs) seen.delete(tenant);
      return [...seen].map(([tenant, { atMs, state }]) => {
        const up = state === "recovered" || (state === "missed" && nowMs - atMs >= options.downMs);
        return { tenant, up: up ? 1 : 0 };
      });
    },
    down: () => [...seen].flatMap(([tenant, { state }]) => (typeof state === "object" ? [{ tenant, ...state }] : [])),
  };
}
