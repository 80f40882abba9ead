import { AppError } from "../errors.ts";
import type { PgErrorFacts } from "../postgres/pg-error.ts";
import type { FailureReason, TenantFailure } from "../types.ts";

/** PostgreSQL refused the query itself, not one tenant's copy: the caller of the executor knows whose text it was. */
export class ExecutionError extends Error {
  readonly facts: PgErrorFacts;

  constructor(facts: PgErrorFacts, cause: unknown) {
    super(facts.message, { cause });
    this.name = "ExecutionError";
    this.facts = facts;
  }
}

/** The error for a request that ran out of time before its statement could end. */
export function deadlineExceeded(): AppError {
  return new AppError("DEADLINE_EXCEEDED", "no answer within the request's deadline", {
    hint: "narrow the time range or the tenants, give a longer timeout where the request has one, or raise limits.deadline",
  });
}

/** Why a tenant whose arm failed with these facts is not in the answer. */
export function tenantFailure(tenant: string, facts: PgErrorFacts): TenantFailure {
  return { tenant, reason: reasonOf(facts), detail: facts.message };
}

/** The failure of a tenant that passed our own deadline. */
export function tenantTimeout(tenant: string, timeoutMs: number): TenantFailure {
  return { tenant, reason: "timeout", detail: `no answer within ${Math.max(0, timeoutMs / 1_000).toFixed(1)} s` };
}

/** The failure of a tenant that the request had no time for. It says nothing of the tenant. */
export function outOfTime(tenant: string): TenantFailure {
  return {
    tenant,
    reason: "timeout",
    detail: "the request's own time ran out before the tenant could answer",
    inconclusive: true,
  };
}

/** The failure of a tenant in doubt that was not asked, since too many others are in doubt. */
export function notAsked(tenant: string): TenantFailure {
  return { tenant, reason: "timeout", detail: "not asked: too many tenants do not answer", inconclusive: true };
}

/** The failure of a tenant that was to be asked on a session of its own, when the federation database gave none, or lost it. */
export function noSession(tenant: string): TenantFailure {
  return {
    tenant,
    reason: "timeout",
    detail: "not asked: the federation database gave no session for it",
    inconclusive: true,
  };
}

function reasonOf(facts: PgErrorFacts): FailureReason {
  switch (facts.kind) {
    case "unreachable":
    case "connection_lost":
      return "unreachable";
    case "timeout":
    case "cancelled":
      return "timeout";
    case "missing_relation":
      return "relation_missing";
    case "missing_column":
      return "column_missing";
    case "query":
      return "query_failed";
  }
}
