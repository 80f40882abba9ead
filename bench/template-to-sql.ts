import { createRehearsal } from "./rehearsal.ts";
import { createSyntheticTables, syntheticCatalog } from "./synthetic-fleet.ts";

export const ARM_COUNTS = [80, 400, 1_000] as const;

const WARM_UP_RUNS = 30;
const RUNS = 60;
const REAL_RUNS = 20;

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
  const rehearsal = createRehearsal(adminUrl, syntheticCatalog(arms));
  try {
    await rehearsal.start();
    const coldMs = await rehearsal.time(template.sql, arms);
    const withDatabaseMs: number[] = [];
    for (let run = 0; run < REAL_RUNS; run++) {
      rehearsal.forgetAnswers();
      withDatabaseMs.push(await rehearsal.time(template.sql, arms));
    }
    for (let run = 0; run < WARM_UP_RUNS; run++) await rehearsal.time(template.sql, arms);
    const oursMs: number[] = [];
    for (let run = 0; run < RUNS; run++) oursMs.push(await rehearsal.time(template.sql, arms));
    return { template: template.name, arms, coldMs, oursMs, withDatabaseMs: withDatabaseMs.slice(REAL_RUNS / 4) };
  } finally {
    await rehearsal.close();
  }
}
