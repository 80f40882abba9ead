import { type PgErrorFacts, pgErrorFacts } from "../postgres/pg-error.ts";
import type { Arm, TextRows } from "../types.ts";
import { ExecutionError } from "./execution-error.ts";

/** An arm that cannot be answered, and why. */
export interface FailedArm {
  readonly arm: Arm;
  readonly facts: PgErrorFacts;
  /** True when the tenant is under suspicion for it already. */
  readonly noted?: true;
}

/** Arms on their way through a lane. When a run throws, what is done stays done, and `pending` says what is not. */
export interface Progress {
  /** Groups still to run, each as one statement; the last is next. */
  readonly pending: (readonly Arm[])[];
  readonly answers: TextRows[];
  readonly failed: FailedArm[];
}

/** Progress with nothing done yet. Empty groups are left out. */
export function startProgress(groups: readonly (readonly Arm[])[]): Progress {
  return { pending: groups.filter((group) => group.length > 0).toReversed(), answers: [], failed: [] };
}

/** Has each arm for which `apart` is true run by itself, after the others of its group. */
export function takeApart(progress: Progress, apart: (arm: Arm) => boolean): void {
  const groups = progress.pending.splice(0).flatMap((group) => {
    const alone = group.filter(apart).map((arm) => [arm]);
    return [...alone.toReversed(), group.filter((arm) => !apart(arm))];
  });
  progress.pending.push(...groups.filter((group) => group.length > 0));
}

/**
 * Runs the groups, each as one statement. One bad arm fails a whole statement and PostgreSQL does not say which one, so
 * a failed group is halved until the bad arm is alone: with one bad arm of n that takes about 2 log2(n) statements.
 * Throws `ExecutionError` when the query itself is refused, and whatever ended the session.
 */
export async function isolateFailures(
  progress: Progress,
  run: (arms: readonly Arm[]) => Promise<TextRows>,
): Promise<void> {
  for (let group = progress.pending.at(-1); group !== undefined; group = progress.pending.at(-1)) {
    try {
      progress.answers.push(await run(group));
      progress.pending.pop();
    } catch (error) {
      const facts = armFault(error);
      progress.pending.pop();
      const [only, ...others] = group;
      if (only !== undefined && others.length === 0) progress.failed.push({ arm: only, facts });
      else progress.pending.push(group.slice(group.length / 2), group.slice(0, group.length / 2));
    }
  }
}

// A relation, a column or a right may be missing in one tenant's foreign tables only; 42704 is a missing user mapping.
const MAY_BE_ONE_TENANTS = new Set(["42P01", "42703", "42501", "42704"]);

/** The facts of an error that one arm may have caused; throws every other error. */
export function armFault(error: unknown): PgErrorFacts {
  const facts = pgErrorFacts(error);
  if (facts === null || facts.kind === "connection_lost" || facts.kind === "cancelled") throw error;
  // Without a position it was raised by a value, such as a text that is no tsquery.
  const refusesTheQuery =
    !facts.remote &&
    facts.position !== undefined &&
    facts.sqlstate?.startsWith("42") === true &&
    !MAY_BE_ONE_TENANTS.has(facts.sqlstate);
  if (refusesTheQuery) throw new ExecutionError(facts, error);
  return facts;
}
