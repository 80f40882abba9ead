import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { Database } from "../postgres/database.ts";
import { pgErrorFacts, refusesOptions } from "../postgres/pg-error.ts";
import { quoteQualified } from "../postgres/quote.ts";
import type { CatalogTenant } from "../types.ts";
import type { OnboardingResult } from "./apply-onboarding.ts";
import { mapConcurrently } from "./bounded-concurrency.ts";
import { buildCatalog, localPlaces } from "./build-catalog.ts";
import { readFederation } from "./read-federation.ts";

export interface UnreadableOptions {
  /** The federation database as the role that queries it, whose statements end after `limits.tenantDeadline`. */
  readonly database: Database;
  readonly config: Pick<Config, "tenants" | "guard">;
  /** Told after each tenant was tried. */
  readonly onTenantTried?: (tenant: string) => void;
}

// Each session keeps its connections to the tenants that it has tried.
const TRY_CONCURRENCY = 4;

/**
 * Reads one row of each of the named tenants as a query would, and gives those that fail with ONBOARDING_REFUSED: DDL succeeds
 * without a tenant being there at all. A tenant without relations has nothing to read. Rejects when the catalog cannot be read.
 */
export async function findUnreadable(
  names: readonly string[],
  { database, config, onTenantTried }: UnreadableOptions,
): Promise<OnboardingResult["failed"]> {
  const { tenants } = buildCatalog(await readFederation(database, localPlaces(config.guard)), config).catalog;
  const tried = await mapConcurrently(names, TRY_CONCURRENCY, async (tenant) => {
    const error = await readOneRow(tenants.get(tenant), database);
    onTenantTried?.(tenant);
    return { tenant, error };
  });
  return tried.flatMap(({ tenant, error }) => (error === null ? [] : [{ tenant, error }]));
}

async function readOneRow(tenant: CatalogTenant | undefined, database: Database): Promise<AppError | null> {
  const [relation] = tenant?.relations.values() ?? [];
  if (tenant === undefined || relation === undefined) return null;
  try {
    await database.query(
      `SET TRANSACTION READ ONLY; SELECT 1 FROM ${quoteQualified(relation.schema, relation.name)} LIMIT 1`,
    );
    return null;
  } catch (error) {
    const facts = pgErrorFacts(error);
    const reason = facts?.message ?? "no answer in time";
    const silent = facts === null || facts.kind === "unreachable" || facts.kind === "cancelled";
    const astray = silent && !refusesOptions(error);
    return new AppError("ONBOARDING_REFUSED", `tenant "${tenant.name}" is set up, but cannot be read: ${reason}`, {
      hint: astray ? "the registry's url must lead there from the federation database, too" : undefined,
      cause: error,
    });
  }
}
