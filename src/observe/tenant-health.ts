import type { FailureReason } from "../types.ts";

/** Reasons that speak about the tenant; the others speak about the query. */
const DOWN_REASONS: ReadonlySet<FailureReason> = new Set<FailureReason>(["unreachable", "timeout", "not_onboarded"]);

export interface TenantHealth {
  /** Notes that a fresh answer missed the tenant. */
  failed(tenant: string, reason: FailureReason): void;
  /** 0 for tenants missed within `downMs`, 1 for those that recovered within `forgetMs`; the rest is not there. */
  states(): readonly { readonly tenant: string; readonly up: 0 | 1 }[];
}

export interface TenantHealthOptions {
  readonly now: () => number;
  /** Answers name the tenants that they miss, not those that they have: silence for this long is recovery. */
  readonly downMs: number;
  readonly forgetMs: number;
  /** Beyond this many tenants the one that failed longest ago is forgotten. */
  readonly maxTenants: number;
}

/** Remembers which tenants were down lately, and never more than `maxTenants` of them. */
export function createTenantHealth(options: TenantHealthOptions): TenantHealth {
  const failedAtMs = new Map<string, number>();
  return {
    failed: (tenant, reason) => {
      if (!DOWN_REASONS.has(reason)) return;
      // Deleted first: a Map keeps the order of insertion, so that the first is the one that failed longest ago.
      failedAtMs.delete(tenant);
      failedAtMs.set(tenant, options.now());
      const [oldest] = failedAtMs.keys();
      if (failedAtMs.size > options.maxTenants && oldest !== undefined) failedAtMs.delete(oldest);
    },
    states: () => {
      const nowMs = options.now();
      for (const [tenant, atMs] of failedAtMs) if (nowMs - atMs >= options.forgetMs) failedAtMs.delete(tenant);
      return [...failedAtMs].map(([tenant, atMs]) => ({ tenant, up: nowMs - atMs < options.downMs ? 0 : 1 }));
    },
  };
}
