import { setMaxListeners } from "node:events";
import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { keepWithin } from "../postgres/read-rows.ts";
import type { Arm, TenantFailure } from "../types.ts";
import { noSession, notAsked, outOfTime, tenantTimeout } from "./execution-error.ts";
import type { Progress } from "./isolate-failures.ts";
import { type LoneOutcome, readWithin } from "./lone-sessions.ts";
import { fairTimeMs, probeFor, type Share, type ShareContext } from "./share.ts";
import { RESERVE_MS } from "./take-turn.ts";

/** Connecting to a tenant takes 15 round trips: less is not worth a session. */
const LEAST_TIME_MS = 250;

/** Finds out who holds a lane up: asks each of its tenants on a session of its own. */
export interface OneByOne {
  /**
   * How long before the lane's deadline to begin, for a lane that has `laneMs`: long enough that who cannot be reached is known when it passes. A request
   * over a tenant that is silent then takes what its lane may take, and no more.
   */
  patienceMs(laneMs: number): number;
  /** Asks what is pending; the lane goes on, and who answers first has answered. */
  begin(): void;
  /** The lane has given up: takes what is still pending to its end, in what is left of the request, and gives the tenants that stayed silent. Throws FEDERATION_UNAVAILABLE when there is no session to be had. */
  settle(): Promise<readonly TenantFailure[]>;
  /** Nothing more is wanted. */
  stop(): void;
}

/** Asks nobody before `begin`, or `settle` without it. */
export function createOneByOne(progress: Progress, share: Share, context: ShareContext): OneByOne {
  const { lone, stuck, suspects, slow, probeMs, tenantDeadlineMs, now } = context;
  const startedAtMs = now();
  const asked = new Map<Arm, Promise<LoneOutcome>>();
  /** Made when somebody is asked: hardly any lane is late. */
  let stopping: AbortController | null = null;
  const untilMs = share.deadlineAtMs - RESERVE_MS;
  const patienceMs = (laneMs: number): number => Math.min(probeMs(), laneMs / 2);

  /** Within limits of its own: the lane has taken the same rows already, and the request's have to last for both. */
  function ask(arm: Arm, withinMs: number, signal: AbortSignal): Promise<LoneOutcome> {
    const outcome = lone.ask({
      read: readWithin(arm.sql, share.budget.another()),
      probe: probeFor(arm, context, withinMs),
      timeoutMs: tenantDeadlineMs,
      untilMs,
      caller: share.caller,
      signals: [share.signal, signal],
    });
    // Whoever settles is told; when the lane answers, nobody asks any more.
    outcome.catch(() => undefined);
    return outcome;
  }

  function begin(): void {
    const leftMs = untilMs - now();
    if (asked.size > 0 || leftMs < LEAST_TIME_MS) return;
    const withinMs = Math.min(patienceMs(tenantDeadlineMs), leftMs / 2);
    stopping = new AbortController();
    const { signal } = stopping;
    // Every tenant that is asked listens: Node warns of a leak from the eleventh listener on.
    setMaxListeners(0, signal);
    for (const arm of progress.pending.flat()) asked.set(arm, ask(arm, withinMs, signal));
  }

  /** One that a hurried request gave little time may only be slow. */
  function blame(arm: Arm, { afterMs, to, reached }: Extract<LoneOutcome, { kind: "silent" }>): TenantFailure {
    if (afterMs < (to === "probe" ? patienceMs(tenantDeadlineMs) : fairTimeMs(context))) return outOfTime(arm.tenant);
    const failure = tenantTimeout(arm.tenant, now() - startedAtMs);
    if (reached) slow.note(arm, failure);
    else suspects.note(failure);
    return failure;
  }

  /** What came of asking a tenant: adds its answer to the progress, or gives its failure. */
  function heed(arm: Arm, outcome: LoneOutcome): TenantFailure | null {
    switch (outcome.kind) {
      case "answered":
        progress.answers.push(keepWithin(share.budget, outcome.rows));
        return null;
      case "failed":
        progress.failed.push({ arm, facts: outcome.facts });
        return null;
      case "no_session":
        return noSession(arm.tenant);
      case "not_asked":
        return stuck.tooMany() ? notAsked(arm.tenant) : outOfTime(arm.tenant);
      case "silent":
        return blame(arm, outcome);
    }
  }

  return {
    patienceMs,
    begin,
    async settle() {
      begin();
      const arms = progress.pending.splice(0).flat();
      const outcomes = await Promise.all(
        arms.map(async (arm): Promise<LoneOutcome> => {
          return asked.get(arm) ?? { kind: "not_asked" };
        }),
      );
      // The lane got no answer, and neither did anybody who was asked: it is not the tenants that are silent.
      const unheard = outcomes.filter(({ kind }) => kind === "no_session");
      if (unheard.length > 0 && outcomes.every(({ kind }) => kind === "no_session" || kind === "not_asked"))
        throw federationUnavailable(undefined);
      return arms.flatMap((arm, index) => heed(arm, outcomes[index] ?? { kind: "not_asked" }) ?? []);
    },
    stop: () => stopping?.abort(),
  };
}
