import { performance } from "node:perf_hooks";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import type { Database } from "../postgres/database.ts";
import type { Catalog } from "../types.ts";
import { buildCatalog, type CatalogNotice, localPlaces } from "./build-catalog.ts";
import { readFederation } from "./read-federation.ts";

/** What a catalog store needs. */
export interface CatalogStoreOptions {
  readonly database: Database;
  readonly config: Pick<Config, "tenants" | "guard">;
  readonly observe: Observe;
  /** Called with each catalog whose content is new. */
  readonly onChange?: (catalog: Catalog) => void;
  /** Epoch milliseconds; the clock when absent. */
  readonly now?: () => number;
}

/** Holds the newest catalog. */
export interface CatalogStore {
  /** The catalog in use, or null before the first one was read. */
  current(): Catalog | null;
  /**
   * Reads the federation database; calls at the same time share one reading. The version stays the same as
   * long as the content does. Rejects with FEDERATION_UNAVAILABLE, and the previous catalog stays in use.
   */
  refresh(): Promise<Catalog>;
  /** Reads again every `tenants.refresh`, and every second at most while there is no catalog yet. */
  start(): void;
  /** Stops reading; resolves when a reading that runs has ended. The last catalog stays readable. */
  close(): Promise<void>;
}

const RETRY_MS = 1_000;

/** Makes a store; nothing is read before `refresh` or `start`. */
export function createCatalogStore(options: CatalogStoreOptions): CatalogStore {
  const { database, config, observe, now = Date.now } = options;
  let catalog: Catalog | null = null;
  let running: Promise<Catalog> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let reported: ReadonlySet<string> = new Set();

  const read = async (): Promise<Catalog> => {
    const startedAt = performance.now();
    try {
      const built = buildCatalog(await readFederation(database, localPlaces(config.guard)), config);
      reportNew(built.notices);
      const changed = catalog?.version !== built.catalog.version;
      catalog = { ...(changed || catalog === null ? built.catalog : catalog), loadedAtMs: now() };
      const seconds = (performance.now() - startedAt) / 1_000;
      observe({ kind: "catalog.loaded", version: catalog.version, changed, tenants: catalog.tenants.size, seconds });
      if (changed) options.onChange?.(catalog);
      return catalog;
    } catch (error) {
      observe({ kind: "catalog.failed", error: error instanceof Error ? error : new Error(String(error)) });
      throw new AppError("FEDERATION_UNAVAILABLE", "the catalog of the federation database could not be read", {
        cause: error,
      });
    }
  };

  // A notice lasts as long as its cause; it is told once and not at every refresh.
  const reportNew = (notices: readonly CatalogNotice[]) => {
    const texts = new Map(notices.map((notice) => [JSON.stringify(notice), notice]));
    for (const [text, { tenant, text: sentence }] of texts) {
      if (reported.has(text)) continue;
      observe(
        tenant === null ? { kind: "advice", text: sentence } : { kind: "catalog.notice", tenant, text: sentence },
      );
    }
    reported = new Set(texts.keys());
  };

  const refresh = (): Promise<Catalog> => {
    if (closed) return Promise.reject(new AppError("SHUTTING_DOWN", "the catalog is not read any more"));
    running ??= read().finally(() => {
      running = null;
    });
    return running;
  };

  const schedule = () => {
    if (closed) return;
    const delayMs = catalog === null ? Math.min(RETRY_MS, config.tenants.refresh) : config.tenants.refresh;
    timer = setTimeout(() => {
      // A failure was reported as an observation; the next turn tries again.
      refresh().then(schedule, schedule);
    }, delayMs);
    timer.unref();
  };

  return {
    current: () => catalog,
    refresh,
    start: () => {
      if (timer === null) schedule();
    },
    close: async () => {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      await running?.catch(() => undefined);
    },
  };
}
