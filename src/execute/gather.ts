import { speaksOfTheTenant } from "../postgres/pg-error.ts";
import type { GatheredRows } from "../types.ts";
import { ExecutionError, tenantFailure } from "./execution-error.ts";
import type { ShareOutcome } from "./share.ts";
import type { SlowQuestions } from "./slow-questions.ts";
import type { Suspects } from "./suspects.ts";

/** Where failures are remembered. */
export interface Notes {
  readonly suspects: Pick<Suspects, "note">;
  readonly slow: Pick<SlowQuestions, "note">;
}

/**
 * One answer of what the lanes gave. When PostgreSQL refused every arm for the same reason, the query is at fault and not the tenants, if no tenant
 * saw it or the reason is a value that the query computes (class 22, such as a negative LIMIT): that is thrown as `ExecutionError`.
 */
export function gather(outcome: ShareOutcome): GatheredRows {
  const { answers, failed, absent } = outcome;
  const [first] = failed;
  if (first !== undefined && absent.length === 0 && isQuerysFault(outcome)) {
    throw new ExecutionError(first.facts, undefined);
  }
  return {
    columns: answers[0]?.columns ?? [],
    rows: answers.flatMap((answer) => answer.rows),
    truncated: answers.some((answer) => answer.truncated),
    failures: [...failed.map(({ arm, facts }) => tenantFailure(arm.tenant, facts)), ...absent],
  };
}

/**
 * Puts the tenants under suspicion that failed on their own account. One query that fails everywhere must not have every tenant of the fleet asked
 * alone for half a minute. A tenant that itself ended the statement for taking too long can be reached: it is the question that is slow.
 */
export function noteFailures(outcome: ShareOutcome, { suspects, slow }: Notes): void {
  if (isQuerysFault(outcome)) return;
  for (const { arm, facts, noted } of outcome.failed) {
    if (!speaksOfTheTenant(facts) || noted === true) continue;
    const failure = tenantFailure(arm.tenant, facts);
    if (facts.kind === "timeout") slow.note(arm, failure);
    else suspects.note(failure);
  }
}

function isQuerysFault({ answers, failed }: ShareOutcome): boolean {
  const [first] = failed;
  const sameEverywhere = failed.every(
    ({ facts }) =>
      facts.sqlstate === first?.facts.sqlstate && (!facts.remote || facts.sqlstate?.startsWith("22") === true),
  );
  return answers.length === 0 && sameEverywhere;
}
