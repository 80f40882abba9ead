import type { Config, RegistryTenant } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { DesiredTenant } from "./desire-tenant.ts";
import { MAX_NAME_BYTES, nameBytes, placeKey, placeText, serverNameOf, tenantOfServer } from "./layout.ts";

/** Throws ONBOARDING_REFUSED when the tenant's own name cannot be used, before anything is read. */
export function refuseTenantName(settings: Config["tenants"], tenant: RegistryTenant): void {
  const { name } = tenant;
  if (settings.registry.filter((other) => other.name === name).length > 1) {
    throw new AppError("ONBOARDING_REFUSED", `tenant "${name}": the registry names it twice`);
  }
  if (settings.layout === "schema" && (/^pg_/.test(name) || name === "information_schema")) {
    throw new AppError("ONBOARDING_REFUSED", `tenant "${name}": PostgreSQL keeps schemas of that name for itself`);
  }
  const server = serverNameOf(name);
  refuseLength(name, "foreign server", server);
  if (tenantOfServer(new RegExp(settings.discover.servers, "u"), server) !== name) {
    throw new AppError(
      "ONBOARDING_REFUSED",
      `tenant "${name}": its foreign server would be called ${server}, which the pattern ${settings.discover.servers} does not read as "${name}"`,
      { hint: "let tenants.discover.servers match <tenant>_fdw_target, as its default does" },
    );
  }
}

/** Throws ONBOARDING_REFUSED when a foreign table's name would be longer than PostgreSQL keeps. */
export function refuseLongNames(desired: DesiredTenant): void {
  for (const relation of desired.relations) refuseLength(desired.tenant.name, "foreign table", relation.name);
}

/** The tenants whose relations would take the same name as another tenant's, each with its ONBOARDING_REFUSED. */
export function findCollisions(tenants: readonly DesiredTenant[]): ReadonlyMap<string, AppError> {
  const owners = new Map<string, { readonly tenant: string; readonly relation: string }>();
  const refusals = new Map<string, AppError>();
  for (const { tenant, relations } of tenants) {
    for (const relation of relations) {
      const key = placeKey(relation);
      const other = owners.get(key);
      if (other === undefined) {
        owners.set(key, { tenant: tenant.name, relation: relation.remoteName });
        continue;
      }
      const mine = `relation "${relation.remoteName}" of tenant "${tenant.name}"`;
      const theirs = `relation "${other.relation}" of tenant "${other.tenant}"`;
      for (const [name, text] of [
        [tenant.name, `${mine} and ${theirs}`],
        [other.tenant, `${theirs} and ${mine}`],
      ] as const) {
        refusals.set(
          name,
          new AppError("ONBOARDING_REFUSED", `tenant "${name}": ${text} would both be ${placeText(relation)}`, {
            hint: "use the layout schema, rename one of them, or leave it out of `relations`",
          }),
        );
      }
    }
  }
  return refusals;
}

function refuseLength(tenant: string, what: string, name: string): void {
  const bytes = nameBytes(name);
  if (bytes <= MAX_NAME_BYTES) return;
  throw new AppError(
    "ONBOARDING_REFUSED",
    `tenant "${tenant}": the name of the ${what} ${name} has ${bytes} bytes; PostgreSQL keeps ${MAX_NAME_BYTES}`,
    { hint: "shorten the tenant's name, use the layout schema, or leave the relation out of `relations`" },
  );
}
