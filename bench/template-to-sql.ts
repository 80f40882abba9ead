import { performance } from "node:perf_hooks";
import { createAnswerCache } from "../src/cache/answer-cache.ts";
import { OPERATOR } from "../src/cli/with-app.ts";
import { configSchema } from "../src/config/schema.ts";
import { createAdmission } from "../src/execute/admission.ts";
import { createFleetExecutor, type FleetExecutor } from "../src/execute/executor.ts";
import { createTypeNames } from "../src/postgres/column-types.ts";
import { createFunctionNames } from "../src/postgres/function-names.ts";
import { openSession } from "../src/postgres/session.ts";
import { buildRequest } from "../src/protocols/build-request.ts";
import { createQueryService } from "../src/query/query-service.ts";
import type { CachedQuery } from "../src/query/run-query.ts";
import { createParser } from "../src/sql/parser.ts";
import { ALL_REWRITES } from "../src/sql/rewrites.ts";
import type { Catalog, QueryRequest, QueryService, ResultColumn } from "../src/types.ts";
import { openOneSession } from "./hand-written.ts";
import { createSyntheticTables, syntheticCatalog } from "./synthetic-fleet.ts";

export const ARM_COUNTS = [80, 400, 1_000] as const;

const WARM_UP_RUNS = 30;
const RUNS = 60;
const REAL_RUNS = 20;

/** Literals that differ between two ranges of one question. */
const TIMES = /'\d{4}-\d\d-\d\dT[^']*'/g;

export interface SpeedTemplate {
  readonly name: string;
  readonly sql: string;
}

export const SPEED_TEMPLATES: readonly SpeedTemplate[] = [
  {
    name: "aggregate over time",
    sql: `SELECT $__timeGroup(at, '5m') AS time, count(*) AS n, avg(amount) AS amount
            FROM $<tenant>_readings WHERE $__timeFilter(at) GROUP BY 1 ORDER BY 1`,
  },
  {
    name: "join with a WITH query",
    sql: `WITH failed AS (SELECT entity_id, amount FROM $<tenant>_orders WHERE $__timeFilter(placed_at) AND status = 'failed')
          SELECT e.kind, count(*) AS n, sum(f.amount) AS amount
            FROM failed AS f JOIN $<tenant>_entities AS e ON e.id = f.entity_id GROUP BY e.kind`,
  },
  {
    name: "SELECT around a copied one",
    sql: `SELECT kind, sum(n) AS n, max(newest) AS newest
            FROM (SELECT kind, count(*) AS n, max(at) AS newest FROM $<tenant>_readings WHERE $__timeFilter(at) GROUP BY kind) AS t
           GROUP BY kind ORDER BY n DESC`,
  },
];

/** What one template took with one number of arms, milliseconds. */
export interface TemplateSpeed {
  readonly template: string;
  readonly arms: number;
  /** The first time: fresh sessions, and names of types and functions not yet read. The parser runs, as in a server that listens. */
  readonly coldMs: number;
  /** Warm, with the federation database's answers at hand. */
  readonly oursMs: readonly number[];
  /** Warm, with the federation database asked. */
  readonly withDatabaseMs: readonly number[];
}

/**
 * Times the way from a request to the statements that lanes would run: cache key, scan, compile, plan, fill every arm, share them out
 * and write each lane's UNION ALL. Tenants are not asked anything.
 */
export async function measureTemplates(
  adminUrl: string,
  progress: (text: string) => void,
): Promise<readonly TemplateSpeed[]> {
  progress("creating foreign tables to describe");
  await createSyntheticTables(adminUrl, Math.max(...ARM_COUNTS));
  const results: TemplateSpeed[] = [];
  for (const arms of ARM_COUNTS) {
    for (const template of SPEED_TEMPLATES) {
      progress(`template to SQL, ${arms} arms, ${template.name}`);
      results.push(await measureTemplate(adminUrl, template, arms));
    }
  }
  return results;
}

async function measureTemplate(adminUrl: string, template: SpeedTemplate, arms: number): Promise<TemplateSpeed> {
  const bench = createBench(adminUrl, syntheticCatalog(arms));
  try {
    await bench.start();
    const coldMs = await bench.time(template.sql, arms);
    const withDatabaseMs: number[] = [];
    for (let run = 0; run < REAL_RUNS; run++) {
      bench.forgetAnswers();
      withDatabaseMs.push(await bench.time(template.sql, arms));
    }
    for (let run = 0; run < WARM_UP_RUNS; run++) await bench.time(template.sql, arms);
    const oursMs: number[] = [];
    for (let run = 0; run < RUNS; run++) oursMs.push(await bench.time(template.sql, arms));
    return { template: template.name, arms, coldMs, oursMs, withDatabaseMs: withDatabaseMs.slice(REAL_RUNS / 4) };
  } finally {
    await bench.close();
  }
}

function createBench(adminUrl: string, catalog: Catalog) {
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
    tenantDeadlineMs: config.limits.tenantDeadline,
    observe,
  });
  const described = new Map<string, readonly ResultColumn[]>();
  let writtenAtMs = 0;
  let writtenArms = 0;
  const executor: FleetExecutor = {
    ...real,
    async describe(sql, signal) {
      const shape = sql.replaceAll(TIMES, "time");
      const columns = described.get(shape) ?? (await real.describe(sql, signal));
      described.set(shape, columns);
      return columns;
    },
    async explain() {
      return [{ Plan: { "Node Type": "Foreign Scan" } }];
    },
    async runArms(arms) {
      const lanes = real.layOut(arms);
      writtenArms = lanes.reduce((sum, { tenants, sql }) => sum + (sql === "" ? 0 : tenants.length), 0);
      writtenAtMs = performance.now();
      return { columns: [], rows: [], truncated: false, failures: [] };
    },
    runOnce: async () => ({ columns: [], rows: [], truncated: false }),
  };
  const service: QueryService = createQueryService({
    catalog: () => catalog,
    parser,
    executor,
    admission: createAdmission(config.limits),
    cache: createAnswerCache<CachedQuery>({ maxBytes: config.cache.maxBytes, observe }),
    observe,
    typeNames: createTypeNames(database),
    functionNames: createFunctionNames(database),
    settings: {
      tenantColumn: config.tenants.tenantColumn,
      allowFunctions: new Set(config.guard.allowFunctions),
      maxRows: config.limits.rows,
      maxBytes: config.limits.responseBytes,
      onLimit: config.limits.onLimit,
      sqlBytes: config.limits.sqlBytes,
      pushdown: config.guard.pushdown,
      rewrites: ALL_REWRITES,
    },
    now: Date.now,
  });
  let toMs = Date.UTC(2026, 0, 1);
  return {
    /** As a server does before it listens. */
    async start(): Promise<void> {
      await parser.parse("SELECT 1");
    },
    /** Each time another range, as a dashboard that refreshes has it, so that no two texts of arms are the same. */
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
    },
    async close(): Promise<void> {
      await real.close();
      await parser.close();
      await database.close();
    },
  };
}
