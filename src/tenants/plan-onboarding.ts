import { z } from "zod";
import type { Config, RegistryTenant } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { Database } from "../postgres/database.ts";
import { quoteIdentifier } from "../postgres/quote.ts";
import type { Notice } from "../types.ts";
import { mapConcurrently } from "./bounded-concurrency.ts";
import { type DesiredTenant, desireTenant } from "./desire-tenant.ts";
import { type OnboardingStep, plainStep } from "./onboarding-step.ts";
import { openSchema, type PlanContext, planTenant } from "./plan-tenant.ts";
import { readOnboarded } from "./read-onboarded.ts";
import { readTenant } from "./read-tenant.ts";
import { findCollisions, refuseLongNames, refuseTenantName } from "./refuse-names.ts";
import { CREATE_REMOTE_TEXT, REMOTE_TEXT, REMOTE_TEXT_TYPE } from "./remote-text.ts";
import { readTenantUrl } from "./tenant-connection.ts";

/** What onboarding would do. Nothing was changed to make it, and nothing in it shows a password when printed. */
export interface OnboardingPlan {
  /** What all tenants share: the extension, the schema. Runs first. */
  readonly preparation: readonly OnboardingStep[];
  /** In the order of the registry. */
  readonly tenants: readonly TenantPlan[];
}

/** What onboarding would do for one tenant. */
export interface TenantPlan {
  readonly tenant: string;
  /** In order; empty when the tenant is as it should be, or is refused. */
  readonly steps: readonly OnboardingStep[];
  readonly notices: readonly Notice[];
  /** Why the tenant cannot be onboarded (ONBOARDING_REFUSED), or null. The other tenants go on. */
  readonly refusal: AppError | null;
}

/** What planning needs. */
export interface OnboardingOptions {
  /** The federation database, as the role that owns servers and foreign tables (`adminUrl`). */
  readonly database: Database;
  readonly config: Pick<Config, "tenants" | "federation" | "limits">;
  /** Opens a tenant's database, or the federation database as the query role; closed here after use. */
  readonly connect: (url: string) => Database;
  /** Told after each tenant was read, for a progress bar. */
  readonly onTenantRead?: (tenant: string) => void;
}

// Reading a tenant is a connection and four statements; eight at once keep two cores and the tenants calm.
const READ_CONCURRENCY = 8;

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: AppError };

/**
 * Reads every registry tenant's relations and the federation database, and says what has to change. A tenant that
 * cannot be read or named is refused in its own entry. Rejects only when the federation database cannot be read.
 */
export async function planOnboarding(options: OnboardingOptions): Promise<OnboardingPlan> {
  const { config, connect } = options;
  const { registry } = config.tenants;
  const schemas = config.tenants.layout === "schema" ? registry.map((tenant) => tenant.name) : [config.tenants.schema];
  const { queryRole, onboarded } = await readFederationSide(options, schemas);
  // Without a query role of its own, the admin role runs the queries.
  const context: PlanContext = { config, onboarded, queryRole: queryRole ?? onboarded.adminRole };

  const desired = await mapConcurrently(registry, READ_CONCURRENCY, async (tenant) => {
    const outcome = await attempt(() => readDesired(context, tenant, connect));
    options.onTenantRead?.(tenant.name);
    return { tenant: tenant.name, outcome };
  });
  const collisions = findCollisions(desired.flatMap(({ outcome }) => (outcome.ok ? [outcome.value] : [])));
  const tenants: TenantPlan[] = [];
  for (const { tenant, outcome } of desired)
    tenants.push(await planOne(context, tenant, outcome, collisions.get(tenant)));
  return { preparation: preparationSteps(context, tenants, desired), tenants };
}

async function planOne(
  context: PlanContext,
  tenant: string,
  desired: Outcome<DesiredTenant>,
  collision: AppError | undefined,
): Promise<TenantPlan> {
  if (!desired.ok) return { tenant, steps: [], notices: [], refusal: desired.refusal };
  const { notices } = desired.value;
  if (collision !== undefined) return { tenant, steps: [], notices, refusal: collision };
  const planned = await attempt(async () => planTenant(context, desired.value));
  return planned.ok
    ? { tenant, ...planned.value, refusal: null }
    : { tenant, steps: [], notices, refusal: planned.refusal };
}

async function readFederationSide(options: OnboardingOptions, schemas: readonly string[]) {
  try {
    const queryRole = await readQueryRole(options);
    return { queryRole, onboarded: await readOnboarded(options.database, queryRole, schemas) };
  } catch (error) {
    throw new AppError("FEDERATION_UNAVAILABLE", "the federation database could not be read", { cause: error });
  }
}

/** The role that `federation.url` logs in as, asked of the server since the url may leave it to the environment. */
async function readQueryRole({ config, connect }: OnboardingOptions): Promise<string | null> {
  const { url, adminUrl } = config.federation;
  if (adminUrl === undefined || adminUrl === url) return null;
  const database = connect(url);
  try {
    const [row] = z
      .array(z.object({ role: z.string() }))
      .parse(await database.query("SELECT session_user::text AS role"));
    return row?.role ?? null;
  } finally {
    await database.close();
  }
}

async function readDesired(
  context: PlanContext,
  tenant: RegistryTenant,
  connect: OnboardingOptions["connect"],
): Promise<DesiredTenant> {
  refuseTenantName(context.config.tenants, tenant);
  const connection = readTenantUrl(tenant.name, tenant.url);
  const database = connect(tenant.url);
  try {
    const remote = await readTenant(database, tenant.name, tenant.schema);
    const desired = desireTenant(
      { layout: context.config.tenants, types: context.onboarded.types },
      tenant,
      connection,
      remote,
    );
    refuseLongNames(desired);
    return desired;
  } catch (error) {
    if (error instanceof AppError) throw error;
    // The driver's own words name the host and the login; its code does not.
    const code = z.object({ code: z.string() }).safeParse(error).data?.code ?? "no code";
    throw new AppError("ONBOARDING_REFUSED", `tenant "${tenant.name}": its database could not be read (${code})`, {
      hint: "the registry's url must lead there from this machine as well as from the federation database",
      cause: error,
    });
  } finally {
    await database.close();
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof AppError && error.code === "ONBOARDING_REFUSED") return { ok: false, refusal: error };
    throw error;
  }
}

function preparationSteps(
  context: PlanContext,
  tenants: readonly TenantPlan[],
  desired: readonly { readonly outcome: Outcome<DesiredTenant> }[],
): readonly OnboardingStep[] {
  if (tenants.every((tenant) => tenant.steps.length === 0)) return [];
  const { config, onboarded } = context;
  const steps: OnboardingStep[] = [];
  if (!onboarded.hasExtension) {
    steps.push(plainStep("create extension", null, "CREATE EXTENSION IF NOT EXISTS postgres_fdw"));
  }
  if (config.tenants.layout === "prefix") steps.push(...openSchema(context, config.tenants.schema, null));
  const needsRemoteText = desired.some(
    ({ outcome }) =>
      outcome.ok &&
      outcome.value.relations.some((relation) => relation.columns.some((column) => column.type === REMOTE_TEXT_TYPE)),
  );
  if (needsRemoteText && !onboarded.hasRemoteText) {
    if (!onboarded.schemas.has(REMOTE_TEXT.schema)) {
      steps.push(
        plainStep("create schema", null, `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(REMOTE_TEXT.schema)}`),
      );
    }
    steps.push(plainStep("create domain", null, CREATE_REMOTE_TEXT));
  }
  return steps;
}
