import type { RegistryTenant } from "../config/schema.ts";
import type { Notice } from "../types.ts";
import { type ForeignColumn, foreignColumns } from "./foreign-columns.ts";
import { type LayoutSettings, type Place, placeOf } from "./layout.ts";
import type { RemoteRelation } from "./read-tenant.ts";
import type { TenantConnection } from "./tenant-connection.ts";

/** A relation that a tenant should have here, and where. */
export interface DesiredRelation extends Place {
  readonly remoteName: string;
  readonly columns: readonly ForeignColumn[];
}

/** All that a tenant should have here. */
export interface DesiredTenant {
  readonly tenant: RegistryTenant;
  readonly connection: TenantConnection;
  readonly relations: readonly DesiredRelation[];
  readonly notices: readonly Notice[];
}

/** What decides where relations go and which types they can have. */
export interface DesireSources {
  readonly layout: LayoutSettings;
  /** Types of the federation database, by `typeKey`. */
  readonly types: ReadonlyMap<string, string>;
}

/** Decides which relations a tenant should have: those that its patterns name and that can be read. */
export function desireTenant(
  sources: DesireSources,
  tenant: RegistryTenant,
  connection: TenantConnection,
  remote: readonly RemoteRelation[],
): DesiredTenant {
  const notices: Notice[] = [];
  const relations: DesiredRelation[] = [];
  const chosen = chooseRelations(tenant.relations, remote);
  for (const pattern of chosen.unmatched) {
    notices.push({ severity: "warning", text: `the schema "${tenant.schema}" has no relation like "${pattern}"` });
  }
  for (const relation of chosen.relations) {
    const made = foreignColumns(relation, sources.types);
    if (relation.columns.length > 0 && made.columns.length === 0) {
      notices.push({ severity: "warning", text: `${relation.name} is left out: the login may not read it` });
      continue;
    }
    notices.push(...made.notices);
    relations.push({
      ...placeOf(sources.layout, tenant.name, relation.name),
      remoteName: relation.name,
      columns: made.columns,
    });
  }
  return { tenant, connection, relations, notices };
}

/** Relations that any pattern names, and patterns that name none. */
function chooseRelations(patterns: readonly string[], remote: readonly RemoteRelation[]) {
  const chosen = new Set<RemoteRelation>();
  const unmatched: string[] = [];
  for (const pattern of patterns) {
    const isExact = !pattern.includes("*");
    const expression = new RegExp(`^${pattern.split("*").map(escapeForRegExp).join(".*")}$`, "su");
    const matched = remote.filter((relation) => expression.test(relation.name) && (isExact || !relation.secondary));
    if (matched.length === 0) unmatched.push(pattern);
    for (const relation of matched) chosen.add(relation);
  }
  return { relations: remote.filter((relation) => chosen.has(relation)), unmatched };
}

function escapeForRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
