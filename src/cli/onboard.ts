import type { Config } from "../config/schema.ts";
import { createDatabase, type Database, type DatabaseOptions } from "../postgres/database.ts";
import { applyOnboarding, type OnboardingResult } from "../tenants/apply-onboarding.ts";
import { findUnreadable } from "../tenants/find-unreadable.ts";
import { type OnboardingPlan, planOnboarding } from "../tenants/plan-onboarding.ts";
import type { Step } from "./progress.ts";

type OnStep = (step: Step) => void;

/** Runs `work` with the federation database as the role that onboards, and closes it whatever happens. */
export async function withFederation<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  const database = connect(config, config.federation.adminUrl ?? config.federation.url);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** What would onboard the registry's tenants; `onStep` is told of each tenant that was read. */
export function planRegistry(config: Config, database: Database, onStep: OnStep): Promise<OnboardingPlan> {
  const total = config.tenants.registry.length;
  let done = 0;
  return planOnboarding({
    database,
    config,
    connect: (url) => connect(config, url),
    onTenantRead: (tenant) => {
      done += 1;
      onStep({ text: tenant, done, total });
    },
  });
}

/** Carries a plan out, tenant by tenant, until it is done or asked to stop. */
export async function applyPlan(
  plan: OnboardingPlan,
  { database, onStep, stop }: { readonly database: Database; readonly onStep: OnStep; readonly stop: AbortSignal },
): Promise<OnboardingResult> {
  const onboarded: string[] = [];
  const failed: OnboardingResult["failed"][number][] = [];
  await applyOnboarding({ preparation: plan.preparation, tenants: [] }, { database });
  // One tenant at a time is how it runs anyway; a request to stop is heard between two of them.
  for (const [index, tenant] of plan.tenants.entries()) {
    if (stop.aborted) break;
    const result = await applyOnboarding({ preparation: [], tenants: [tenant] }, { database });
    onboarded.push(...result.onboarded);
    failed.push(...result.failed);
    onStep({ text: tenant.tenant, done: index + 1, total: plan.tenants.length });
  }
  return { onboarded, failed };
}

/** The tenants among `names` that queries cannot read, tried as the role of `federation.url`. */
export async function tryTenants(
  names: readonly string[],
  { config, onStep }: { readonly config: Config; readonly onStep: OnStep },
): Promise<OnboardingResult["failed"]> {
  const database = connect(config, config.federation.url, {
    maxConnections: 4,
    queryTimeoutMs: config.limits.tenantDeadline,
  });
  let done = 0;
  const onTenantTried = (tenant: string) => {
    done += 1;
    onStep({ text: tenant, done, total: names.length });
  };
  try {
    return await findUnreadable(names, { database, config, onTenantTried });
  } finally {
    await database.close();
  }
}

function connect(config: Config, url: string, more: Partial<DatabaseOptions> = {}): Database {
  return createDatabase({
    url,
    applicationName: "tenantry onboarding",
    maxConnections: 2,
    connectTimeoutMs: config.federation.connectTimeout,
    ...more,
  });
}
