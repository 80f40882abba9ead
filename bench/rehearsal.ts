import { performance } from "node:perf_hooks";
import { createAnswerCache } from "../src/cache/answer-cache.ts";
import { OPERATOR } from "../src/cli/with-app.ts";
import { configSchema } from "../src/config/schema.ts";
import { createAdmission } from "../src/execute/admission.ts";
import { createFleetExecutor, type FleetExecutor } from "../src/execute/executor.ts";
import { createTypeNames } from "../src/postgres/column-types.ts";
import { createFunctionNames } from "../src/postgres/function-names.ts";
import { openSession } from "../src/postgres/open-session.ts";
import { buildRequest } from "../src/protocols/build-request.ts";
import { createLastGood } from "../src/query/last-good.ts";
import { createQueryService } from "../src/query/query-service.ts";
import { querySettings } from "../src/query/query-settings.ts";
import type { CachedQuery } from "../src/query/run-query.ts";
import { createShapePlans } from "../src/query/shape-plans.ts";
import { createParser } from "../src/sql/parser.ts";
import { ALL_REWRITES } from "../src/sql/rewrites.ts";
import type { Catalog, QueryRequest, QueryService, ResultColumn } from "../src/types.ts";
import { openOneSession } from "./hand-written.ts";

/** Literals that differ between two ranges of one question. */
const TIMES = /'\d{4}-\d\d-\d\dT[^']*'/g;

/**
 * All of Tenantry's query stages over a catalog of the caller's, up to the moment when lanes would run: the arms are shared out and each
 * lane's statement is written, and no tenant is asked. What the federation database says of a statement is remembered, whatever its times.
 */
export function createRehearsal(adminUrl: string, catalog: Catalog) {
  const config = configSchema.parse({ federation: { url: adminUrl }, cache: { ttl: "0s" } });
  const observe = (): void => undefined;
  const database = openOneSession(adminUrl);
  const parser = createParser({ observe });
  const real = createFleetExecutor({
    openSession: () =>
      openSession({
        url: adminUrl,
        applicationName: "tenantry-bench",
        connectTimeoutMs: 10_000,
        statementTimeoutMs: 30_000,
      }),
    ...config.federation,
    scheduledGroup: false,
    tenantDeadlineMs: config.limits.tenantDeadline,
    observe,
  });
  const described = new Map<string, Promise<readonly ResultColumn[]>>();
  const explained = new Map<string, Promise<unknown>>();
  let writtenAtMs = 0;
  let writtenArms = 0;
  const executor: FleetExecutor = {
    ...real,
    describe: remembering(described, real.describe),
    explain: remembering(explained, real.explain),
    async runArms(arms) {
      const lanes = real.layOut(arms);
      writtenArms = lanes.reduce((sum, { tenants, sql }) => sum + (sql === "" ? 0 : tenants.length), 0);
      writtenAtMs = performance.now();
      return { columns: [], rows: [], truncated: false, failures: [] };
    },
  };
  const typeNames = createTypeNames(database);
  const shapePlans = createShapePlans({ executor, typeNames });
  const service: QueryService = createQueryService({
    catalog: () => catalog,
    parser,
    executor,
    admission: createAdmission(config.limits),
    cache: createAnswerCache<CachedQuery>({ maxBytes: config.cache.maxBytes, observe }),
    lastGood: createLastGood({ maxBytes: config.cache.staleBytes, now: Date.now }),
    observe,
    typeNames,
    shapePlans,
    functionNames: createFunctionNames(database),
    settings: querySettings(config, ALL_REWRITES),
    now: Date.now,
  });
  let toMs = Date.UTC(2026, 0, 1);
  return {
    /** As a server does before it listens. */
    async start(): Promise<void> {
      await parser.parse("SELECT 1");
    },
    /**
     * Milliseconds to the lanes' statements; throws when they have not so many arms. Each time another range, as a dashboard that refreshes has it, so that no two
     * texts of arms are the same.
     */
    async time(sql: string, arms: number): Promise<number> {
      toMs += 60_000;
      const request: QueryRequest = buildRequest({ sql }, { config, nowMs: toMs });
      const startedAtMs = performance.now();
      await service.run(request, OPERATOR, new AbortController().signal);
      if (writtenArms !== arms) throw new Error(`${writtenArms} of ${arms} arms were written`);
      return writtenAtMs - startedAtMs;
    },
    forgetAnswers(): void {
      described.clear();
      explained.clear();
    },
    async close(): Promise<void> {
      await real.close();
      await parser.close();
      await database.close();
    },
  };
}

/** The answer of the same statement with other times in it, or a new one. */
function remembering<T>(
  answers: Map<string, Promise<T>>,
  ask: (sql: string, signal: AbortSignal) => Promise<T>,
): (sql: string, signal: AbortSignal) => Promise<T> {
  return (sql, signal) => {
    const shape = sql.replaceAll(TIMES, "time");
    const answer = answers.get(shape) ?? ask(sql, signal);
    answers.set(shape, answer);
    return answer;
  };
}
