import { Buffer } from "node:buffer";
import type { Config } from "../config/schema.ts";

/** Where a relation of the federation database is. */
export interface Place {
  readonly schema: string;
  readonly name: string;
}

/** The settings that decide where a tenant's relations are. */
export type LayoutSettings = Pick<Config["tenants"], "layout" | "schema">;

/** PostgreSQL cuts longer names silently (NAMEDATALEN 64), and two tenants could then share one. */
export const MAX_NAME_BYTES = 63;

/** Where the layout puts a tenant's relation: `public.tenant_a_entities` or `tenant_a.entities`. */
export function placeOf(settings: LayoutSettings, tenant: string, relation: string): Place {
  return settings.layout === "schema"
    ? { schema: tenant, name: relation }
    : { schema: settings.schema, name: `${tenant}_${relation}` };
}

/** The relation that a place means for a tenant by the layout alone, or null when its name does not follow the layout. */
export function relationAt(settings: LayoutSettings, tenant: string, place: Place): string | null {
  if (settings.layout === "schema") return place.schema === tenant ? place.name : null;
  const prefix = `${tenant}_`;
  return place.name.startsWith(prefix) && place.name.length > prefix.length ? place.name.slice(prefix.length) : null;
}

/** The tenant that a foreign server's name means, by the pattern of `tenants.discover.servers`; null when it means none. */
export function tenantOfServer(pattern: RegExp, server: string): string | null {
  const tenant = pattern.exec(server)?.groups?.tenant;
  return tenant === undefined || tenant.length === 0 ? null : tenant;
}

/** Name of the foreign server that onboarding makes for a tenant. */
export function serverNameOf(tenant: string): string {
  return `${tenant}_fdw_target`;
}

/** Bytes of a name as PostgreSQL counts them (UTF-8). */
export function nameBytes(name: string): number {
  return Buffer.byteLength(name, "utf8");
}

/** One text for a place, different for different places whatever their names hold. */
export function placeKey(place: Place): string {
  return JSON.stringify([place.schema, place.name]);
}

/** A place as people write it, for messages only: never part of SQL. */
export function placeText(place: Place): string {
  return `${place.schema}.${place.name}`;
}
