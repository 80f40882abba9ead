import { createHash } from "node:crypto";
import type { Config, RegistryTenant } from "../config/schema.ts";
import type { Catalog, CatalogColumn, CatalogRelation, CatalogTenant } from "../types.ts";
import { catalogRelation } from "./catalog-relation.ts";
import { type Place, placeKey, placeText, relationAt, tenantOfServer } from "./layout.ts";
import { nameRelations } from "./name-relations.ts";
import type { FederationContent, FoundRelation, FoundServer } from "./read-federation.ts";
import { pointsElsewhere } from "./tenant-connection.ts";

/** Something that an operator should know; `tenant` is null when it concerns the settings and no tenant. */
export interface CatalogNotice {
  readonly tenant: string | null;
  readonly text: string;
}

/** A catalog without its date, and what was odd about it. */
export interface BuiltCatalog {
  readonly catalog: Omit<Catalog, "loadedAtMs">;
  readonly notices: readonly CatalogNotice[];
}

/** Their relations hold passwords, hosts and other callers' queries; what of them is harmless belongs into a view of the operator's. */
const CATALOG_SCHEMA = /^(pg_.*|information_schema)$/;

/** The relations of `guard.allowRelations` as places: `name` is in the schema public. */
export function localPlaces(guard: Pick<Config["guard"], "allowRelations">): readonly Place[] {
  return guard.allowRelations.map((text) => {
    const dot = text.indexOf(".");
    return dot < 0 ? { schema: "public", name: text } : { schema: text.slice(0, dot), name: text.slice(dot + 1) };
  });
}

/** Makes the catalog of what was found, the registry and the settings. Pure: the same input gives the same version. */
export function buildCatalog(content: FederationContent, config: Pick<Config, "tenants" | "guard">): BuiltCatalog {
  const notices: CatalogNotice[] = [];
  const pattern = new RegExp(config.tenants.discover.servers, "u");
  const tenantOf = new Map<string, string>();
  const serversOf = new Map<string, FoundServer[]>();
  for (const server of content.servers) {
    const tenant = tenantOfServer(pattern, server.name);
    if (tenant === null) continue;
    tenantOf.set(server.name, tenant);
    addTo(serversOf, tenant, server);
  }
  const registry = readRegistry(config.tenants.registry, new Set(tenantOf.values()), notices);
  const found = groupByTenant(content.relations, tenantOf, config.tenants, notices);

  const tenants = new Map<string, CatalogTenant>();
  for (const name of [...new Set([...tenantOf.values(), ...registry.keys()])].sort()) {
    const named = nameRelations(config.tenants, name, found.get(name) ?? []);
    for (const text of named.notices) notices.push({ tenant: name, text });
    const own = serversOf.get(name) ?? [];
    const registered = registry.get(name);
    if (registered !== undefined) notices.push(...driftOfServers(registered, own));
    tenants.set(name, {
      name,
      labels: registered?.labels ?? {},
      state: named.relations.size > 0 ? "ready" : "missing",
      servers: own.map((server) => server.name).sort(),
      relations: named.relations,
    });
  }
  const localRelations = findLocalRelations(content.relations, localPlaces(config.guard), tenantOf, notices);
  return { catalog: { version: versionOf(tenants, localRelations), tenants, localRelations }, notices };
}

function addTo<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function readRegistry(
  registry: readonly RegistryTenant[],
  discovered: ReadonlySet<string>,
  notices: CatalogNotice[],
): ReadonlyMap<string, RegistryTenant> {
  const tenants = new Map<string, RegistryTenant>();
  const byFoldedName = new Map<string, string[]>();
  for (const name of discovered) addTo(byFoldedName, name.toLowerCase(), name);
  for (const tenant of registry) {
    if (tenants.has(tenant.name)) {
      notices.push({ tenant: tenant.name, text: "the registry names this tenant twice; the first entry counts" });
      continue;
    }
    tenants.set(tenant.name, tenant);
    // PostgreSQL folds unquoted names, so such a pair is nearly always one tenant spelled in two ways.
    const alike = (byFoldedName.get(tenant.name.toLowerCase()) ?? []).filter((name) => name !== tenant.name);
    if (alike.length > 0 && !discovered.has(tenant.name)) {
      notices.push({
        tenant: tenant.name,
        text: `the registry writes ${tenant.name}, the federation database has a server of ${alike.join(", ")}: two tenants to Tenantry`,
      });
    }
  }
  return tenants;
}

/** Gives each relation to the one tenant whose servers it reads; what reads more than that belongs to nobody. */
function groupByTenant(
  relations: readonly FoundRelation[],
  tenantOf: ReadonlyMap<string, string>,
  settings: Config["tenants"],
  notices: CatalogNotice[],
): ReadonlyMap<string, readonly FoundRelation[]> {
  const byTenant = new Map<string, FoundRelation[]>();
  const names = new Set(tenantOf.values());
  for (const relation of relations) {
    if (relation.kind === "other") continue;
    const readers = [...new Set(relation.servers.map((server) => tenantOf.get(server) ?? null))];
    const [tenant] = readers;
    const claimedBy = relation.kind === "view" ? claimants(settings, names, relation) : [];
    if (readers.length === 1 && typeof tenant === "string") {
      addTo(byTenant, tenant, relation);
      const [stranger] = claimedBy;
      if (stranger !== undefined && relationAt(settings, tenant, relation) === null) {
        notices.push({
          tenant: stranger,
          text: `view ${placeText(relation)} has this tenant's name but reads ${tenant}: not used`,
        });
      }
    } else {
      const reads = readers.map((reader) => reader ?? "a server of no tenant").join(", ");
      for (const name of claimedBy) {
        notices.push({ tenant: name, text: `view ${placeText(relation)} is not used: it reads ${reads}` });
      }
    }
  }
  return byTenant;
}

/** Tenants whose relation a view is by its name, the longest name only: `a_b_c` is `a_b`'s before it is `a`'s. */
function claimants(settings: Config["tenants"], names: ReadonlySet<string>, place: Place): readonly string[] {
  if (settings.layout === "schema") return names.has(place.schema) ? [place.schema] : [];
  for (let at = place.name.lastIndexOf("_"); at > 0; at = place.name.lastIndexOf("_", at - 1)) {
    const name = place.name.slice(0, at);
    if (names.has(name) && at + 1 < place.name.length) return [name];
  }
  return [];
}

function driftOfServers(tenant: RegistryTenant, servers: readonly FoundServer[]): readonly CatalogNotice[] {
  return servers
    .filter((server) => pointsElsewhere(tenant.url, server.options))
    .map((server) => ({
      tenant: tenant.name,
      text: `server ${server.name} does not point where the registry's url does; see the plan for it`,
    }));
}

function findLocalRelations(
  relations: readonly FoundRelation[],
  places: readonly Place[],
  tenantOf: ReadonlyMap<string, string>,
  notices: CatalogNotice[],
): ReadonlyMap<string, CatalogRelation> {
  const byPlace = new Map(relations.map((relation) => [placeKey(relation), relation]));
  const local = new Map<string, CatalogRelation>();
  for (const place of places) {
    const text = placeText(place);
    const relation = byPlace.get(placeKey(place));
    // Everyone may read a local relation, so one that reaches a tenant would be a way round the selectors of tokens.
    const reached = relation?.servers.map((server) => tenantOf.get(server)).find((tenant) => tenant !== undefined);
    if (CATALOG_SCHEMA.test(place.schema)) {
      notices.push({ tenant: null, text: `guard.allowRelations names ${text}, which is PostgreSQL's own: refused` });
    } else if (relation === undefined) {
      notices.push({ tenant: null, text: `guard.allowRelations names ${text}, which does not exist` });
    } else if (reached !== undefined) {
      notices.push({
        tenant: reached,
        text: `guard.allowRelations names ${text}, which reads this tenant's tables: refused`,
      });
    } else {
      local.set(text, catalogRelation(relation));
    }
  }
  return local;
}

function versionOf(
  tenants: ReadonlyMap<string, CatalogTenant>,
  localRelations: ReadonlyMap<string, CatalogRelation>,
): string {
  const hash = createHash("sha256");
  // Relations share their lists of columns, so each list is written out once and not 10,000 times.
  const texts = new Map<readonly CatalogColumn[], string>();
  const addRelations = (relations: ReadonlyMap<string, CatalogRelation>) => {
    for (const [name, relation] of [...relations].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const columns = texts.get(relation.columns) ?? JSON.stringify(relation.columns);
      texts.set(relation.columns, columns);
      hash.update(`${JSON.stringify([name, relation.schema, relation.name, relation.reads])}${columns}`);
    }
  };
  for (const tenant of tenants.values()) {
    const labels = Object.entries(tenant.labels).sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(JSON.stringify([tenant.name, labels, tenant.state, tenant.servers]));
    addRelations(tenant.relations);
  }
  hash.update("local");
  addRelations(localRelations);
  return hash.digest("hex").slice(0, 16);
}
