import { z } from "zod";
import type { Config } from "../config/schema.ts";
import type { Observe } from "../observation.ts";
import type { Database } from "../postgres/database.ts";

const limitsRow = z.object({ max: z.coerce.number(), reserved: z.coerce.number(), used: z.coerce.number() });

/** Says at start what to raise when the federation database has fewer connections to give than Tenantry may ask for. */
export async function checkConnectionBudget({
  database,
  config,
  tenants,
  observe,
}: {
  readonly database: Database;
  readonly config: Pick<Config, "federation">;
  readonly tenants: number;
  readonly observe: Observe;
}): Promise<void> {
  const [row] = await database.query(
    `SELECT current_setting('max_connections') AS max, current_setting('superuser_reserved_connections') AS reserved,
            (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS used`,
  );
  const { max, reserved, used } = limitsRow.parse(row);
  const free = max - reserved - used;
  const { connectionBudget, lanes, laneGroups } = config.federation;
  const wanted = Math.min(connectionBudget, (laneGroups + 1) * (lanes === "auto" ? Math.min(16, tenants) : lanes));
  if (wanted <= free) return;
  observe({
    kind: "advice",
    text: `the federation database has ${free} connections left of max_connections = ${max}, and Tenantry may need ${wanted}: raise max_connections, or lower federation.lanes or federation.connectionBudget`,
  });
}
