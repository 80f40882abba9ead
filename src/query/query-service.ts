import { within } from "../execute/deadline.ts";
import { deadlineExceeded } from "../execute/execution-error.ts";
import { createSharedDisk } from "../spool/disk-budget.ts";
import type { Principal, QueryRequest, QueryService } from "../types.ts";
import { createColumnLookups } from "./column-lookups.ts";
import { explainQuery } from "./explain-query.ts";
import { type QueryContext, runQuery } from "./run-query.ts";
import { streamQuery } from "./stream-query.ts";
import { createTenantSelection } from "./tenant-selection.ts";

/** The query stages bound to the things that live as long as the program. */
export function createQueryService(
  options: Omit<QueryContext, "selectTenants" | "columnLookups" | "spoolDisk">,
): QueryService {
  const context: QueryContext = {
    ...options,
    selectTenants: createTenantSelection(),
    columnLookups: createColumnLookups(),
    spoolDisk: createSharedDisk(options.settings.spoolBytes),
  };
  return {
    run: (request: QueryRequest, principal: Principal, signal: AbortSignal) =>
      runQuery(request, principal, context, signal),
    stream: (request: QueryRequest, principal: Principal, signal: AbortSignal) =>
      streamQuery(request, principal, context, signal),
    explain: (request: QueryRequest, principal: Principal, signal: AbortSignal) =>
      within(request.deadlineMs, { signals: [signal], late: deadlineExceeded }, async (limited) => {
        const leave = await context.admission.admit(principal.name, request.deadlineMs, limited);
        try {
          return await explainQuery(request, principal, context, limited);
        } finally {
          leave();
        }
      }),
  };
}
