import { formatDuration, formatSize } from "../config/units.ts";
import { AppError } from "../errors.ts";
import { deadlineExceeded } from "../execute/execution-error.ts";
import type { Coverage, Notice, QueryRequest, StaleTenant, TenantFailure } from "../types.ts";

/** What an answer covers: of a tenant that failed in several blocks, the first failure counts. */
export function coverageOf(
  expected: ReadonlySet<string>,
  failures: readonly TenantFailure[],
  { truncated = false, stale = [] }: { readonly truncated?: boolean; readonly stale?: readonly StaleTenant[] } = {},
): Coverage {
  const failed = new Map<string, TenantFailure>();
  for (const failure of failures) if (!failed.has(failure.tenant)) failed.set(failure.tenant, failure);
  const sorted = [...failed.values()].sort((a, b) => (a.tenant < b.tenant ? -1 : 1));
  return {
    expected: expected.size,
    answered: expected.size - failed.size - stale.length,
    failed: sorted,
    ...(stale.length === 0 ? {} : { stale }),
    truncated,
  };
}

/** What a request wants of an answer's tenants. */
export type WantedTenants = Pick<QueryRequest, "partial" | "required">;

/**
 * True for a caller who counts on some tenants: one to whom an answer is not better than none whatever it lacks. A cut one is none, since
 * nobody knows whose rows it lacks.
 */
export function countsOnTenants({ partial, required }: WantedTenants): boolean {
  return partial !== "allow" || required.length > 0;
}

/** True when enough tenants answered for the policy (stale ones too: the caller has asked for them), and each that is required. An answer without any tenant is good for nobody, unless none was expected. */
export function satisfies(coverage: Coverage, { partial: policy, required }: WantedTenants): boolean {
  if (coverage.failed.length === 0) return true;
  if (coverage.failed.some(({ tenant }) => required.includes(tenant))) return false;
  const there = coverage.answered + (coverage.stale?.length ?? 0);
  if (there === 0 || policy === "fail") return false;
  return policy === "allow" || there * 100 >= policy.percent * coverage.expected;
}

/** TENANT_FAILED with the tenants' names, for a coverage that does not satisfy its policy. */
function tenantsFailed(coverage: Coverage, { partial: policy, required }: WantedTenants): AppError {
  const missing = coverage.failed.filter(({ tenant }) => required.includes(tenant));
  if (missing.length > 0)
    return new AppError("TENANT_FAILED", `required tenants failed: ${describeFailures(missing)}`, {
      hint: "repair them, or ask without require for an answer that lacks them",
    });
  const asked =
    policy === "fail"
      ? "all were asked for"
      : policy === "allow"
        ? "none answered"
        : `${policy.percent}% were asked for`;
  return new AppError(
    "TENANT_FAILED",
    `${coverage.failed.length} of ${coverage.expected} tenants failed, and ${asked}: ${describeFailures(coverage.failed)}`,
    {
      hint:
        policy === "allow"
          ? "see /v1/tenants for the fleet's state"
          : "repair the tenants, or ask with partial=allow or a share such as partial=90%",
    },
  );
}

/** Throws when an answer has not the tenants that its request wants. */
export function requireTenants(coverage: Coverage, expected: ReadonlySet<string>, wanted: WantedTenants): void {
  requireExpected(expected, wanted.required);
  if (coverage.expected === 0 && wanted.partial !== "allow") throw nobodyAsked();
  if (satisfies(coverage, wanted)) return;
  throw nobodyHadTime(coverage) ? deadlineExceeded() : tenantsFailed(coverage, wanted);
}

/** True when there is no answer, and nothing is known that would be wrong with a tenant. */
function nobodyHadTime({ answered, failed, stale = [] }: Coverage): boolean {
  return answered + stale.length === 0 && failed.every(({ inconclusive }) => inconclusive === true);
}

/** Throws TENANT_UNKNOWN for a required tenant that the query is not about; one that the caller may not see is told as if it did not exist. */
function requireExpected(expected: ReadonlySet<string>, required: readonly string[]): void {
  const unknown = required.filter((name) => !expected.has(name));
  if (unknown.length === 0) return;
  throw new AppError("TENANT_UNKNOWN", `require: the query is not about ${names(unknown)}`, {
    hint: "correct the name (see /v1/tenants), or the selectors of the query and the request",
  });
}

/** TENANT_UNKNOWN, for callers that count on a number of tenants: a misspelt selector of an alert rule would be silent for ever. */
function nobodyAsked(): AppError {
  return new AppError("TENANT_UNKNOWN", "no tenant matches the selectors of the query and the request", {
    hint: "correct the selector (see /v1/tenants for names and labels), or ask with partial=allow",
  });
}

/** RESULT_TOO_LARGE, for callers that count on tenants and for limits that refuse. */
export function answerCut(limits: { readonly maxRows: number; readonly maxBytes: number }): AppError {
  return new AppError(
    "RESULT_TOO_LARGE",
    `the answer has more than ${limits.maxRows} rows or ${formatSize(limits.maxBytes)}`,
    {
      hint: "aggregate or filter inside the SELECT that reads $<tenant> tables, so that each tenant sends fewer rows; limits.rows and limits.responseBytes are the bounds. A cut answer is for requests with partial=allow and without require",
    },
  );
}

/** RESULT_TOO_LARGE for a streamed answer, for callers that count on tenants and for limits that refuse. */
export function streamCut({ streamBytes }: { readonly streamBytes: number }): AppError {
  return new AppError(
    "RESULT_TOO_LARGE",
    `the answer is larger than ${formatSize(streamBytes)} (limits.streamBytes), or than what limits.spoolBytes has left`,
    {
      hint: "select fewer columns, narrow the time range or name fewer tenants, or raise limits.streamBytes",
    },
  );
}

/** RESULT_TOO_LARGE for rows that a SELECT around a copied block would have to read: over some of them its answer would be wrong. */
export function gatheredCut(
  limits: { readonly maxRows: number; readonly maxBytes: number },
  position: AppError["position"],
): AppError {
  return new AppError(
    "RESULT_TOO_LARGE",
    `the SELECT around this one would have to read more than ${limits.maxRows} rows or ${formatSize(limits.maxBytes)} of all tenants`,
    {
      position,
      hint: "filter, group or limit inside this SELECT; around plain rows, conditions, count, sum, min, max, avg, bool_and, bool_or, DISTINCT and ORDER BY with LIMIT on numbers and times are moved into it by themselves (/v1/explain shows what was)",
    },
  );
}

/** A notice for each reason, with the tenants that it keeps out. */
export function coverageNotices(coverage: Coverage): readonly Notice[] {
  const old = (coverage.stale ?? []).map(({ tenant, detail, ageSeconds }) => ({
    tenant,
    detail: `as of ${formatDuration(ageSeconds * 1_000)} ago: ${detail}`,
  }));
  return [
    ...groupByDetail(coverage.failed).map(({ detail, tenants }) => `${names(tenants)} left out: ${detail}`),
    ...groupByDetail(old).map(({ detail, tenants }) => `${names(tenants)} shown ${detail}`),
  ].map((text) => ({ severity: "warning", text }));
}

function describeFailures(failures: readonly TenantFailure[]): string {
  return groupByDetail(failures)
    .map(({ detail, tenants }) => `${names(tenants)} (${detail})`)
    .join("; ");
}

function groupByDetail(
  failures: readonly Pick<TenantFailure, "tenant" | "detail">[],
): readonly { readonly detail: string; readonly tenants: readonly string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { tenant, detail } of failures) groups.set(detail, [...(groups.get(detail) ?? []), tenant]);
  return [...groups].map(([detail, tenants]) => ({ detail, tenants }));
}

/** Names of a few, and how many more there are: a notice is read on a panel. */
function names(tenants: readonly string[]): string {
  const shown = tenants.slice(0, 10).join(", ");
  return tenants.length > 10 ? `${shown} and ${tenants.length - 10} more` : shown;
}
