import type { Principal, QueryRequest, QueryService } from "../types.ts";
import { explainQuery } from "./explain-query.ts";
import { type QueryContext, runQuery } from "./run-query.ts";
import { createTenantSelection } from "./tenant-selection.ts";

/** The query stages bound to the things that live as long as the program. */
export function createQueryService(options: Omit<QueryContext, "selectTenants">): QueryService {
  const context: QueryContext = { ...options, selectTenants: createTenantSelection() };
  return {
    run: (request: QueryRequest, principal: Principal, signal: AbortSignal) =>
      runQuery(request, principal, context, signal),
    explain: (request: QueryRequest, principal: Principal) =>
      explainQuery(request, principal, context, AbortSignal.timeout(request.deadlineMs)),
  };
}
