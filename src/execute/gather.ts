import type { GatheredRows } from "../types.ts";
import { ExecutionError, tenantFailure } from "./execution-error.ts";
import type { ShareOutcome } from "./share.ts";

/**
 * One answer of all shares. When PostgreSQL refused every arm for the same reason, the query is at fault and not the tenants, if no tenant saw
 * it or the reason is a value that the query computes (class 22, such as a negative LIMIT): that is thrown as `ExecutionError`, as is the
 * first share's rejection.
 */
export function gather(settled: readonly PromiseSettledResult<ShareOutcome>[]): GatheredRows {
  const shares = settled.map((share) => {
    if (share.status === "rejected") throw share.reason;
    return share.value;
  });
  const answers = shares.flatMap((share) => share.answers);
  const failed = shares.flatMap((share) => share.failed);
  const absent = shares.flatMap((share) => share.absent);
  const [first] = failed;
  const sameEverywhere = failed.every(
    ({ facts }) =>
      facts.sqlstate === first?.facts.sqlstate && (!facts.remote || facts.sqlstate?.startsWith("22") === true),
  );
  if (first !== undefined && answers.length + absent.length === 0 && sameEverywhere) {
    throw new ExecutionError(first.facts, undefined);
  }
  return {
    columns: answers[0]?.columns ?? [],
    rows: answers.flatMap((answer) => answer.rows),
    truncated: answers.some((answer) => answer.truncated),
    failures: [...failed.map(({ arm, facts }) => tenantFailure(arm.tenant, facts)), ...absent],
  };
}
