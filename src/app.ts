import { createAnswerCache } from "./cache/answer-cache.ts";
import type { Config } from "./config/schema.ts";
import { AppError } from "./errors.ts";
import { createAdmission } from "./execute/admission.ts";
import { createFleetExecutor } from "./execute/executor.ts";
import { createFollowedFleet, type FollowedFleet } from "./execute/followed-fleet.ts";
import { exportedQueries } from "./exporter/exported-queries.ts";
import { createExporter } from "./exporter/exporter.ts";
import { createHttpServer, type HttpServer } from "./http/server.ts";
import { fanOut, type Observe } from "./observation.ts";
import { joinExpositions } from "./observe/exposition.ts";
import { createLog, type LogLevel } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createTypeNames } from "./postgres/column-types.ts";
import { createDatabase } from "./postgres/database.ts";
import { createFunctionNames } from "./postgres/function-names.ts";
import { openSession } from "./postgres/open-session.ts";
import { createLastGood } from "./query/last-good.ts";
import { createQueryService } from "./query/query-service.ts";
import { querySettings } from "./query/query-settings.ts";
import type { CachedQuery } from "./query/run-query.ts";
import { createShapePlans } from "./query/shape-plans.ts";
import { createParser } from "./sql/parser.ts";
import { ALL_REWRITES, type Rewrite } from "./sql/rewrites.ts";
import { createCatalogStore } from "./tenants/catalog-store.ts";
import type { Catalog, QueryService } from "./types.ts";

export interface AppOptions {
  readonly config: Config;
  /** pino's level; `silent` for programs whose standard output is their result. */
  readonly logLevel?: LogLevel;
  /** A listener beside the log and the metrics. */
  readonly observe?: Observe;
  /** All, unless a test compares with and without. */
  readonly rewrites?: ReadonlySet<Rewrite>;
}

/** Tenantry with its parts wired together. Nothing listens before `listen`. */
export interface App {
  readonly service: QueryService;
  readonly catalog: () => Catalog | null;
  /** Reads the catalog now; rejects with FEDERATION_UNAVAILABLE. */
  readonly refreshCatalog: () => Promise<Catalog>;
  /** Serves HTTP, refreshes the catalog in the background, and resolves with the URL. A catalog that cannot be read yet is retried. */
  readonly listen: () => Promise<string>;
  /** Stops listening, lets running requests end for `graceMs`, and ends every session. May be called more than once. */
  readonly close: (graceMs?: number) => Promise<void>;
}

/** Time for one statement on the catalogs; without an end, one frozen connection would hold up whoever asks next for ever. */
const CATALOG_QUERY_TIMEOUT_MS = 10_000;

/** How long a read of the catalog may keep `/readyz` waiting for the federation database. */
const READY_TIMEOUT_MS = 2_000;

/** The one place that constructs things and connects them; whatever it makes, `close` ends. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config } = options;
  const metrics = createMetrics();
  const log = createLog({ level: options.logLevel ?? "info" });
  const observe = fanOut(log, metrics.observe, options.observe ?? (() => {}));

  const { url, adminUrl, connectTimeout, lanes, laneGroups, connectionBudget } = config.federation;
  const database = createDatabase({
    url: adminUrl ?? url,
    applicationName: "tenantry/catalog",
    maxConnections: 2,
    connectTimeoutMs: connectTimeout,
    queryTimeoutMs: CATALOG_QUERY_TIMEOUT_MS,
  });
  const store = createCatalogStore({ database, config, observe, onChange: (catalog) => fleet?.follow(catalog) });
  const parser = createParser({ observe });
  const queryDeadlines = Object.values(config.queries).flatMap(({ deadline }) => deadline ?? []);
  const executor = createFleetExecutor({
    openSession: (patience) =>
      openSession({
        url,
        patience,
        applicationName: "tenantry",
        connectTimeoutMs: connectTimeout,
        // A named query may have a longer deadline than others; the request's own deadline ends each statement anyway.
        statementTimeoutMs: Math.max(config.limits.deadline, ...queryDeadlines),
      }),
    lanes,
    laneGroups,
    scheduledGroup: exportedQueries(config.queries).length > 0,
    connectionBudget,
    tenantDeadlineMs: config.limits.tenantDeadline,
    observe,
  });
  const cache = createAnswerCache<CachedQuery>({ maxBytes: config.cache.maxBytes, observe });

  const lastGood = createLastGood({ maxBytes: config.cache.staleBytes, now: Date.now });

  const catalog = (): Catalog => {
    const current = store.current();
    if (current === null)
      throw new AppError("FEDERATION_UNAVAILABLE", "no catalog has been read yet", {
        hint: "see /readyz for the reason",
        retryAfterSeconds: 2,
      });
    return current;
  };
  const typeNames = createTypeNames(database);
  const shapePlans = createShapePlans({ executor, typeNames });
  const service = createQueryService({
    catalog,
    parser,
    executor,
    admission: createAdmission(config.limits),
    cache,
    lastGood,
    observe,
    typeNames,
    shapePlans,
    functionNames: createFunctionNames(database),
    settings: querySettings(config, options.rewrites ?? ALL_REWRITES),
    now: Date.now,
  });
  const exporter = createExporter({
    queries: config.queries,
    service,
    defaults: { cacheTtlMs: config.cache.ttl, deadlineMs: config.limits.deadline },
    observe,
    now: Date.now,
  });
  let server: HttpServer | null = null;
  let closing: Promise<void> | null = null;
  let fleet: FollowedFleet | null = null;

  async function closeAll(graceMs: number): Promise<void> {
    await server?.close(graceMs);
    await exporter.close();
    await store.close();
    await executor.close();
    await parser.close();
    cache.close();
    lastGood.close();
    shapePlans.close();
    metrics.close();
    await database.close();
  }

  return {
    service,
    catalog: () => store.current(),
    refreshCatalog: () => store.refresh(),
    listen: async () => {
      const first = await store.refresh().then(
        () => true,
        () => false,
      );
      const followed = createFollowedFleet({ database, config, executor, observe });
      fleet = followed;
      if (first) followed.follow(catalog());
      store.start();
      // The first text pays for starting the parser's worker; no request should.
      await parser.parse("SELECT 1");
      server = await createHttpServer({
        config,
        service,
        catalog: () => store.current(),
        doubts: executor.doubts,
        ready: async () => {
          if (store.current() === null) {
            const reached = await reaches(database);
            return reached.ok ? { ok: false, reason: "no catalog has been read yet" } : reached;
          }
          if (!followed.connected()) return { ok: false, reason: "the lanes are being connected to the tenants" };
          return reaches(database);
        },
        metricsText: async (timeoutMs) => {
          const [own, exported] = await Promise.all([metrics.text(), exporter.collect(timeoutMs)]);
          return { contentType: own.contentType, body: joinExpositions(own.body, exported) };
        },
        observe,
      });
      if (first) await followed.settled();
      return server.url;
    },
    close: (graceMs = 0) => {
      closing ??= closeAll(graceMs);
      return closing;
    },
  };
}

/** Whether the federation database answers now. */
async function reaches(
  database: ReturnType<typeof createDatabase>,
): Promise<{ ok: true } | { ok: false; reason: string }> {
  const timeout = new Promise<"late">((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, "late").unref());
  try {
    if ((await Promise.race([database.query("SELECT 1"), timeout])) !== "late") return { ok: true };
  } catch {
    // The reason would name hosts; the log has it from the catalog's refresh.
  }
  return { ok: false, reason: "the federation database cannot be reached" };
}
