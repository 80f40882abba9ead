import { applyPlan, planRegistry, withFederation } from "../src/cli/onboard.ts";
import { type Config, configSchema } from "../src/config/schema.ts";
import { createFleet } from "../src/demo/fleet.ts";
import { AppError } from "../src/errors.ts";
import { startChild } from "./child.ts";

/** A fleet that Tenantry has onboarded, behind a link of a known delay. */
export interface Testbed {
  /** The federation database, as the login that may create servers. */
  readonly adminUrl: string;
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
  readonly tenants: number;
  /** Delay between the federation database and the tenants, each way; 0 for no link at all. */
  readonly delayMs: number;
  /** Beside `federation` and `tenants`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Fills each tenant's database, given its owner's connection string, before the tenants are onboarded. */
  readonly prepare?: (ownerUrl: string) => Promise<void>;
  readonly progress: (text: string) => void;
}

/** Two of Tenantry with a lane for each tenant, each with a session and a connection for each group, and the other ways beside them. */
const SESSIONS_PER_TENANT = 16;

/** Starts the databases and onboards the tenants by the product's own code. */
export async function createTestbed({
  tenants,
  delayMs,
  settings = {},
  prepare,
  progress,
}: TestbedOptions): Promise<Testbed> {
  progress(`starting ${tenants} tenant databases`);
  const fleet = await createFleet({ tenants, sessionsPerTenant: SESSIONS_PER_TENANT });
  const closing: { close(): Promise<void> }[] = [fleet];
  const close = async (): Promise<void> => {
    for (const part of closing) await part.close();
  };
  try {
    if (prepare !== undefined) {
      progress("filling them");
      for (const { url } of fleet.tenants) await prepare(url);
    }
    const { hostname, port } = new URL(fleet.adminUrl);
    let linkPort = Number(port);
    if (delayMs > 0) {
      const link = await startChild("link-process.ts", { targetHost: hostname, targetPort: linkPort, delayMs });
      closing.unshift(link);
      linkPort = link.port;
    }
    // The demo's one slow link is left out: here all tenants are equally far.
    const registry = fleet.registry.map((tenant) => ({ ...tenant, url: withPort(tenant.url, linkPort) }));
    const complete = {
      server: { port: 0 },
      federation: { url: fleet.federationUrl, adminUrl: fleet.adminUrl },
      tenants: { registry },
      ...settings,
    };
    progress("onboarding them");
    await onboard(configSchema.parse(complete));
    return { adminUrl: fleet.adminUrl, tenants: registry, settings: complete, close };
  } catch (error) {
    await close();
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
