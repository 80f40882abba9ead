import type { Config } from "../config/schema.ts";
import type { Observe } from "../observation.ts";
import type { Database } from "../postgres/database.ts";
import { checkConnectionBudget } from "../tenants/check-connection-budget.ts";
import type { Catalog } from "../types.ts";
import type { FleetExecutor } from "./executor.ts";
import { tenantProbes } from "./tenant-probes.ts";

/** Keeps the executor's lanes fitted to the newest catalog. */
export interface FollowedFleet {
  /** Fits and connects the lanes in the background. */
  follow(catalog: Catalog): void;
  /** True once the lanes were connected for the first time. */
  connected(): boolean;
  /** Resolves when what was followed so far is done. */
  settled(): Promise<void>;
}

export interface FollowedFleetOptions {
  readonly database: Database;
  readonly config: Pick<Config, "federation">;
  readonly executor: Pick<FleetExecutor, "follow">;
  readonly observe: Observe;
}

/** The server is asked until it tells how many sessions it has for us: later, those in use would be our own. */
export function createFollowedFleet({ database, config, executor, observe }: FollowedFleetOptions): FollowedFleet {
  let budget: number | null = null;
  let settled: Promise<void> = Promise.resolve();
  let connected = false;

  async function followNow(catalog: Catalog): Promise<void> {
    budget ??= await checkConnectionBudget({ database, config, observe });
    const sessions = budget ?? config.federation.connectionBudget;
    await executor.follow({ probes: tenantProbes(catalog), sessions });
    connected = true;
  }

  return {
    follow(catalog) {
      settled = followNow(catalog);
    },
    connected: () => connected,
    settled: () => settled,
  };
}
