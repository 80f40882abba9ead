import { applyPlan, planRegistry, withFederation } from "../src/cli/onboard.ts";
import { type Config, configSchema } from "../src/config/schema.ts";
import { createFleet, type Fleet } from "../src/demo/fleet.ts";
import { AppError } from "../src/errors.ts";
import { startChild } from "./child.ts";

/** A fleet that Tenantry has onboarded, behind a link of a known delay. */
export interface Testbed {
  /** The federation database, as the login that may create servers. */
  readonly adminUrl: string;
  /** Delay between the federation database and the tenants, each way. */
  readonly delayMs: number;
  /** Each tenant's database as the federation database reaches it: over the link, with a login that may only read. */
  readonly tenants: readonly { readonly name: string; readonly url: string }[];
  readonly settings: TestbedSettings;
  close(): Promise<void>;
}

/** Tenantry's settings as a configuration file has them. */
export interface TestbedSettings {
  readonly federation: Readonly<Record<string, unknown>>;
  readonly [section: string]: unknown;
}

export interface TestbedOptions {
  /** Delay between the federation database and the tenants, each way; 0 for no link at all. */
  readonly delayMs: number;
  /** Beside the fleet's addresses and tenants. */
  readonly settings?: Partial<TestbedSettings>;
  readonly progress: (text: string) => void;
}

/** Room for two of Tenantry with a lane for each tenant, each with a session and a connection for each group, and for the other ways beside them. */
const SESSIONS_PER_TENANT = 16;
/** For a fleet that is so large that lanes have several tenants each. */
const SESSIONS_PER_TENANT_OF_MANY = 8;
const MANY = 500;

/** Starts the databases of a fleet that nobody has onboarded. */
export function startFleet(tenants: number, progress: (text: string) => void): Promise<Fleet> {
  progress(`starting ${tenants} tenant databases`);
  return createFleet({
    tenants,
    sessionsPerTenant: tenants > MANY ? SESSIONS_PER_TENANT_OF_MANY : SESSIONS_PER_TENANT,
  });
}

/** Starts the databases, fills each, given its owner's connection string, and onboards the tenants. */
export async function createTestbed({
  tenants,
  prepare,
  ...options
}: TestbedOptions & {
  readonly tenants: number;
  readonly prepare?: (ownerUrl: string) => Promise<void>;
}): Promise<Testbed> {
  const fleet = await startFleet(tenants, options.progress);
  try {
    if (prepare !== undefined) {
      options.progress("filling them");
      for (const { url } of fleet.tenants) await prepare(url);
    }
    const testbed = await onboardFleet(fleet, options);
    return { ...testbed, close: () => testbed.close().finally(() => fleet.close()) };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

/**
 * Onboards a fleet's tenants by the product's own code, behind a link that ends with the testbed; the fleet does not. One that was onboarded before
 * is onboarded again.
 */
export async function onboardFleet(
  fleet: Fleet,
  { delayMs, settings = {}, progress }: TestbedOptions,
): Promise<Testbed> {
  const { hostname, port } = new URL(fleet.adminUrl);
  const link =
    delayMs === 0
      ? { port: Number(port), close: async () => undefined }
      : await startChild("link-process.ts", { targetHost: hostname, targetPort: Number(port), delayMs });
  try {
    // The demo's one slow link is left out: here all tenants are equally far.
    const registry = fleet.registry.map((tenant) => ({ ...tenant, url: withPort(tenant.url, link.port) }));
    const complete = {
      server: { port: 0 },
      tenants: { registry },
      ...settings,
      federation: { url: fleet.federationUrl, adminUrl: fleet.adminUrl, ...settings.federation },
    };
    progress("onboarding them");
    await onboard(configSchema.parse(complete));
    return { adminUrl: fleet.adminUrl, delayMs, tenants: registry, settings: complete, close: () => link.close() };
  } catch (error) {
    await link.close();
    throw error;
  }
}

async function onboard(config: Config): Promise<void> {
  await withFederation(config, async (database) => {
    const plan = await planRegistry(config, database, () => undefined);
    const options = { database, onStep: () => undefined, stop: new AbortController().signal };
    const { onboarded } = await applyPlan(plan, options);
    const expected = config.tenants.registry.length;
    if (onboarded.length !== expected) {
      throw new AppError("INTERNAL", `${onboarded.length} of ${expected} tenants were onboarded`);
    }
  });
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
