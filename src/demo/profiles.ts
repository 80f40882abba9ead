import type { Labels } from "../types.ts";

/** What one tenant of the demo is like: its size, its habits and its troubles. The same for every run. */
export interface TenantProfile {
  readonly name: string;
  readonly labels: Labels;
  readonly entities: number;
  /** Orders of two days. */
  readonly orders: number;
  /** Jobs of one day; none for a tenant that does not use them. */
  readonly jobs: number;
  /** Share of the jobs that fail, 0 to 1. */
  readonly failedShare: number;
  /** Seconds in which each entity is refreshed once; null for a tenant whose refreshing stopped days ago. */
  readonly refreshSeconds: number | null;
  /** True for a tenant that missed a migration: its `orders` have no `status`. */
  readonly olderSchema: boolean;
  /** Delay of the tenant's link, each way. */
  readonly delayMs: number;
}

const OLDER_SCHEMA = 7;
const WITHOUT_JOBS = 11;
const SLOW = 13;
const STALE: readonly number[] = [17, 42];
/** Tenants where every fourth job fails. */
const FAILING: readonly number[] = [4, 29, 63];

const SIZES = {
  free: { entities: 120, orders: 500, jobs: 200 },
  pro: { entities: 400, orders: 1_500, jobs: 600 },
  enterprise: { entities: 1_500, orders: 6_000, jobs: 2_000 },
} as const;
type Plan = keyof typeof SIZES;

/** Profiles of `tenant_0` to `tenant_<count - 1>`. A fleet of two or more has a tenant with an older schema. */
export function describeTenants(count: number): readonly TenantProfile[] {
  return Array.from({ length: count }, (_, index) => describeTenant(index, count));
}

function describeTenant(index: number, count: number): TenantProfile {
  const plan = planOf(index);
  // Sizes of one plan differ by up to 2.5 times; one tenant in sixteen has only just started.
  const scale = index % 16 === 5 ? 0.02 : 0.4 + ((index * 7) % 11) * 0.1;
  const size = (rows: number): number => Math.max(1, Math.round(rows * scale));
  return {
    name: `tenant_${index}`,
    labels: { plan, region: regionOf(index) },
    entities: size(SIZES[plan].entities),
    orders: size(SIZES[plan].orders),
    jobs: index === WITHOUT_JOBS ? 0 : size(SIZES[plan].jobs),
    failedShare: FAILING.includes(index) ? 0.25 : 0.01 * (index % 4),
    refreshSeconds: STALE.includes(index) ? null : refreshSecondsOf(index),
    olderSchema: count > 1 && index === Math.min(OLDER_SCHEMA, count - 1),
    delayMs: index === SLOW ? 30 : 0,
  };
}

/** One tenant in ten is `enterprise`, three are `pro`, six are `free`. */
function planOf(index: number): Plan {
  const digit = index % 10;
  if (digit === 3) return "enterprise";
  return digit % 3 === 0 ? "pro" : "free";
}

function regionOf(index: number): string {
  const place = index % 7;
  if (place < 4) return "eu";
  return place < 6 ? "us" : "ap";
}

/** A quarter of an hour to 32 hours, in doublings, so that a dashboard of staleness shows more than one line. */
function refreshSecondsOf(index: number): number {
  return 900 * 2 ** ((index * 5) % 8);
}
