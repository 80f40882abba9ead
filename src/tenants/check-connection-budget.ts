import { z } from "zod";
import type { Config } from "../config/schema.ts";
import type { Observe } from "../observation.ts";
import type { Database } from "../postgres/database.ts";

const limitsRow = z.object({ max: z.coerce.number(), reserved: z.coerce.number(), used: z.coerce.number() });

/** What is left for others, who may need a session to find out what is wrong. */
const LEFT_FOR_OTHERS = 0.1;

/**
 * Sessions that Tenantry can have on the federation database: `federation.connectionBudget`, or fewer where the server has not got them,
 * which an observation says with what to raise. Null when the server does not tell.
 */
export async function checkConnectionBudget({
  database,
  config: { federation },
  observe,
}: {
  readonly database: Database;
  readonly config: Pick<Config, "federation">;
  readonly observe: Observe;
}): Promise<number | null> {
  const rows = await database
    .query(
      `SELECT current_setting('max_connections') AS max, current_setting('superuser_reserved_connections') AS reserved,
              (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS used`,
    )
    .catch(() => []);
  const limits = limitsRow.safeParse(rows[0]);
  if (!limits.success) return null;
  const { max, reserved, used } = limits.data;
  const free = Math.max(0, Math.floor(max * (1 - LEFT_FOR_OTHERS)) - reserved - used);
  if (federation.connectionBudget <= free) return federation.connectionBudget;
  observe({
    kind: "advice",
    text: `the federation database has ${free} sessions for Tenantry (max_connections = ${max}, ${used} in use), and federation.connectionBudget is ${federation.connectionBudget}: lanes are limited to what it has; raise max_connections, or lower the budget`,
  });
  return free;
}
