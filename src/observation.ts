import type { AppError } from "./errors.ts";
import type { CacheStatus, FailureReason, Stage, TenantFailure } from "./types.ts";

/** Every noteworthy event. Code never logs or counts: it reports one of these; logs and metrics listen. */
export type Observation =
  /** The HTTP server accepts connections. */
  | { readonly kind: "server.listening"; readonly url: string; readonly authenticated: boolean }
  /** The server has stopped accepting and waits for what runs, for `graceMs` at most. */
  | { readonly kind: "server.stopping"; readonly graceMs: number }
  /** A request was answered. `route` is the pattern, never the path, so that it can be a label. */
  | {
      readonly kind: "http.request";
      readonly requestId: string;
      readonly method: string;
      readonly route: string;
      readonly status: number;
      readonly seconds: number;
      readonly bytes: number;
      readonly principal: string;
    }
  /** A request ended with an error. */
  | { readonly kind: "http.error"; readonly requestId: string; readonly error: AppError }
  /** A stage of a query ended. */
  | { readonly kind: "query.stage"; readonly stage: Stage; readonly seconds: number }
  /** A query was answered. `queryName` is null for SQL in the request. */
  | {
      readonly kind: "query.answered";
      readonly queryName: string | null;
      readonly cache: CacheStatus;
      readonly expected: number;
      readonly answered: number;
      readonly rows: number;
      readonly seconds: number;
    }
  /** A tenant is missing from a fresh answer. */
  | ({ readonly kind: "tenant.failed" } & TenantFailure)
  /** The number of lanes was chosen for a fleet; the round trip is null where it was not measured. */
  | {
      readonly kind: "lanes.fitted";
      readonly lanes: number;
      readonly tenants: number;
      readonly roundTripMs: number | null;
    }
  /** A tenant went down (`open`), is on trial (`half-open`), or answers again (`closed`); the reason is that of its last failure. */
  | {
      readonly kind: "tenant.state";
      readonly tenant: string;
      readonly state: "closed" | "open" | "half-open";
      readonly reason: FailureReason;
    }
  /** A lane ran a statement. */
  | {
      readonly kind: "lane.ran";
      readonly group: number;
      readonly lane: number;
      readonly tenants: number;
      readonly seconds: number;
    }
  /** A lane's session was thrown away and will be replaced. */
  | {
      readonly kind: "lane.replaced";
      readonly group: number;
      readonly lane: number;
      readonly cause: "timeout" | "connection" | "cancelled";
    }
  /** The cache changed size. */
  | { readonly kind: "cache.size"; readonly entries: number; readonly bytes: number; readonly evicted: number }
  /** The catalog was read; `changed` when its content is not what it was. */
  | {
      readonly kind: "catalog.loaded";
      readonly version: string;
      readonly changed: boolean;
      readonly tenants: number;
      readonly seconds: number;
    }
  /** The catalog could not be refreshed; the previous one stays in use. */
  | { readonly kind: "catalog.failed"; readonly error: Error }
  /** Something that an operator should know of one tenant's onboarding or discovery. */
  | { readonly kind: "catalog.notice"; readonly tenant: string; readonly text: string }
  /** So many arms of a query had that verdict: `pushed`, a code such as `filter-local`, or `unknown`. */
  | { readonly kind: "arms.judged"; readonly verdict: string; readonly arms: number }
  /** The SQL parser's worker was replaced, after a trap or because it took too long. */
  | { readonly kind: "parser.replaced"; readonly cause: "trap" | "timeout" }
  /** An exported query ended; on failure its last values are withdrawn, so that Prometheus sees a gap, not an old number. */
  | {
      readonly kind: "export.ran";
      readonly queryName: string;
      readonly ok: boolean;
      readonly series: number;
      readonly seconds: number;
      readonly error?: AppError;
    }
  /** Settings ask for more than a server offers, or something is less safe than it could be. */
  | { readonly kind: "advice"; readonly text: string };

export type Observe = (observation: Observation) => void;

/** One `Observe` that tells every listener in turn. */
export function fanOut(...listeners: readonly Observe[]): Observe {
  return (observation) => {
    for (const listener of listeners) listener(observation);
  };
}
