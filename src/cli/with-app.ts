import type { App } from "../app.ts";
import type { Config } from "../config/schema.ts";
import type { Principal } from "../types.ts";

/** Whoever holds the settings may see every tenant. */
export const OPERATOR: Principal = { name: "command line", mayRead: () => true };

/** Runs `work` with a Tenantry that listens nowhere and has read the catalog, and closes it whatever happens. */
export async function withApp<T>(config: Config, work: (app: App) => Promise<T>): Promise<T> {
  // Loaded when it is needed: the parser and the web server would make every `--help` wait.
  const { createApp } = await import("../app.ts");
  // Errors reach the user through the command; a log between results would only be in the way.
  const app = await createApp({ config, logLevel: "silent" });
  try {
    await app.refreshCatalog();
    return await work(app);
  } finally {
    await app.close(0);
  }
}
