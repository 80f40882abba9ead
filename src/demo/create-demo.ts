import type { RegistryTenant } from "../config/schema.ts";
import type { Labels } from "../types.ts";
import { createFleet, type FleetOptions } from "./fleet.ts";
import { createWriter } from "./writer.ts";

/** A tenant's database of the demo; the connection string is the owner's. */
export interface DemoTenant {
  readonly name: string;
  readonly url: string;
  readonly labels: Labels;
}

/** A fleet whose data keep changing. */
export interface Demo {
  /** The federation database for user SQL: a login that owns nothing. */
  readonly federationUrl: string;
  /** The federation database for onboarding, and for scripts: the owner's login. */
  readonly adminUrl: string;
  /** The tenants as Tenantry's configuration names them. */
  readonly registry: readonly RegistryTenant[];
  readonly tenants: readonly DemoTenant[];
  /** Stops everything and removes all data. */
  close(): Promise<void>;
}

/** Creates a fleet (see `createFleet`) and goes on writing to its tenants until it is closed. */
export async function createDemo(options: FleetOptions = {}): Promise<Demo> {
  const fleet = await createFleet(options);
  const writer = createWriter({ tenants: fleet.tenants });
  return {
    federationUrl: fleet.federationUrl,
    adminUrl: fleet.adminUrl,
    registry: fleet.registry,
    tenants: fleet.tenants.map(({ name, url, labels }) => ({ name, url, labels })),
    close: async () => {
      await writer.close();
      await fleet.close();
    },
  };
}
