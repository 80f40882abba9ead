import { setMaxListeners } from "node:events";
import { AppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import type { ExplainOptions } from "../postgres/explain-statement.ts";
import { federationUnavailable } from "../postgres/federation-unavailable.ts";
import { createReadBudget } from "../postgres/read-budget.ts";
import type { ParameterValue } from "../postgres/read-statement.ts";
import { LEAST_PATIENCE, type Session, type SessionPatience } from "../postgres/session.ts";
import type { Arm, GatheredRows, ResultColumn, TenantDoubt, TextRows } from "../types.ts";
import { createLaneAssignment, groupByLane } from "./assign-tenants.ts";
import { createCleanUpTime } from "./clean-up-time.ts";
import { steadyNow, within } from "./deadline.ts";
import { deadlineExceeded } from "./execution-error.ts";
import { gather, noteFailures } from "./gather.ts";
import type { Asker, Lane } from "./lane.ts";
import type { LaneCountOptions } from "./lane-count.ts";
import { createLaneGroups } from "./lane-groups.ts";
import { createLaneWarmth } from "./lane-warmth.ts";
import { createLoneSessions } from "./lone-sessions.ts";
import { createOuterStatements } from "./outer-statements.ts";
import { createProber } from "./probe-suspects.ts";
import { measureRoundTrip } from "./round-trip.ts";
import { runShare } from "./run-share.ts";
import { joinOutcomes, type Share, type ShareContext, type ShareOutcome } from "./share.ts";
import { createSlowQuestions } from "./slow-questions.ts";
import { type StreamedShare, streamShare } from "./stream-share.ts";
import { createStuckSessions } from "./stuck-sessions.ts";
import { createSuspects } from "./suspects.ts";
import { unionAll } from "./union-all.ts";

/** Which lanes a query runs on, and for how long. */
export interface LaneRunOptions extends Asker {
  readonly priority: "interactive" | "scheduled";
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

export interface RunLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

/** Runs statements on the federation database: arms on lanes, everything else beside them. */
export interface FleetExecutor {
  /**
   * Rows of all arms that could be answered, each once, and a failure for each of the others. `columns` is empty when
   * no arm was answered. Rejects with `ExecutionError` when PostgreSQL refuses the query itself, with an `AppError`
   * when the federation database is unavailable or time ran out, or with the signal's reason.
   */
  runArms(arms: readonly Arm[], options: RunLimits & LaneRunOptions): Promise<GatheredRows>;
  /**
   * Rows of all arms, each arm's to a sink of its own; the answer has none, and otherwise says what that of `runArms` does. At the deadline the arms
   * that are still running have failed. Rejects as `runArms` does; what was taken of completed arms stays true.
   */
  streamArms(
    arms: readonly Arm[],
    options: Omit<LaneRunOptions, "together"> & Pick<StreamedShare, "sinkFor">,
  ): Promise<GatheredRows>;
  /** Rows of one statement that belongs to no tenant. Rejects as `runArms` does. */
  runOnce(sql: string, options: RunLimits & { readonly values?: readonly ParameterValue[] }): Promise<TextRows>;
  /** Columns of a statement, which is not run. */
  describe(sql: string, signal: AbortSignal): Promise<readonly ResultColumn[]>;
  /** Plan of a statement, which is not run. */
  explain(sql: string, signal: AbortSignal, options?: ExplainOptions): Promise<unknown>;
  /** What each lane would run for these arms. */
  layOut(
    arms: readonly Arm[],
  ): readonly { readonly lane: number; readonly tenants: readonly string[]; readonly sql: string }[];
  /**
   * Fits the lanes to the fleet and connects them: `probes` is a statement for each tenant, as `tenantProbes` makes them, `sessions` how many
   * the server has for us. Resolves when every lane is connected to those of its tenants that answer; from then on
   * lanes that lose their session are connected again in the background. Never rejects.
   */
  follow(fleet: { readonly probes: readonly Arm[]; readonly sessions: number }): Promise<void>;
  /** Tenants that are down or on trial. */
  doubts(): readonly TenantDoubt[];
  /** Stops what runs and ends every session. */
  close(): Promise<void>;
}

export interface FleetExecutorOptions {
  /** Opens one session, with statement and connect timeouts of its own. */
  readonly openSession: (patience: SessionPatience) => Promise<Session>;
  readonly lanes: LaneCountOptions["lanes"];
  /** Groups for interactive queries. */
  readonly laneGroups: number;
  /** Whether scheduled queries have a group more. Where none are asked it would take its share of the budget from the others. */
  readonly scheduledGroup: boolean;
  readonly connectionBudget: number;
  readonly tenantDeadlineMs: number;
  readonly observe: Observe;
  readonly now?: () => number;
}

/** Reaching a tenant takes far less, unless something is wrong with it or the way to it. */
const LEAST_PROBE_MS = 1_000;
/** Connecting takes 15 round trips, more with TLS; and some tenants are farther away than the median that is measured. */
const PROBE_TRIPS = 40;

/** Nothing is connected before the first statement. */
export function createFleetExecutor(options: FleetExecutorOptions): FleetExecutor {
  const { tenantDeadlineMs, observe, now = steadyNow } = options;
  const closing = new AbortController();
  // Every running statement listens: Node warns of a leak from the eleventh listener on.
  setMaxListeners(0, closing.signal);
  const running = new Set<Promise<unknown>>();
  const openSession = async (patience = LEAST_PATIENCE): Promise<Session> => {
    try {
      return await options.openSession(patience);
    } catch (error) {
      throw federationUnavailable(error);
    }
  };
  const { laneGroups, scheduledGroup } = options;
  const assignment = createLaneAssignment({ ...options, groups: laneGroups + (scheduledGroup ? 1 : 0) });
  const groups = createLaneGroups({
    laneGroups,
    scheduledGroup,
    openSession: () => openSession(lanePatience()),
    observe,
  });
  const outer = createOuterStatements({ openSession });
  const stuck = createStuckSessions({ now });
  const lone = createLoneSessions({ openSession, stuck, now });
  let probeOf: ReadonlyMap<string, Arm> = new Map();
  let roundTripMs: number | null = null;
  const slow = createSlowQuestions({ now });
  const context: ShareContext = {
    suspects: createSuspects({
      now,
      observe,
      onTrusted: (tenant) => {
        slow.recovered(tenant);
        loseConnections(tenant);
      },
    }),
    slow,
    lone,
    stuck,
    probeOf: (tenant) => probeOf.get(tenant),
    probeMs: () => Math.max(LEAST_PROBE_MS, PROBE_TRIPS * (roundTripMs ?? 0)),
    tenantDeadlineMs,
    observe,
    now,
    closing: closing.signal,
  };

  const warmth = createLaneWarmth({ groups, assignment, context });
  const prober = createProber({ context });
  let following: Promise<void> = Promise.resolve();

  /** Cancelling and rolling back take about two round trips to each tenant that a statement asks, one after the other before PostgreSQL 16. */
  function lanePatience(): SessionPatience {
    const tenantsOfLane = Math.ceil(probeOf.size / Math.max(1, assignment.lanes()));
    const tripsMs = 3 * (roundTripMs ?? 0) * tenantsOfLane;
    return { cancelMs: LEAST_PATIENCE.cancelMs + tripsMs, cleanUpMs: LEAST_PATIENCE.cleanUpMs + tripsMs };
  }

  /** The lanes' connections to a tenant that was away are gone, or may be: the next sweep makes new ones. */
  function loseConnections(tenant: string): void {
    if (!probeOf.has(tenant)) return;
    for (const group of groups.all()) group.lane(assignment.laneOf(tenant)).forget(tenant);
  }

  async function follow({ probes, sessions }: Parameters<FleetExecutor["follow"]>[0]): Promise<void> {
    const { signal } = closing;
    // Where it cannot be measured now, because tenants are down, it has hardly changed.
    roundTripMs = (await measureRoundTrip(probes, { openSession, signal })) ?? roundTripMs;
    if (signal.aborted) return;
    const left = assignment.fit({ tenants: probes.map(({ tenant }) => tenant), roundTripMs, sessions });
    for (const lane of left) groups.renew(lane);
    observe({ kind: "lanes.fitted", lanes: assignment.lanes(), tenants: probes.length, roundTripMs });
    probeOf = new Map(probes.map((arm) => [arm.tenant, arm]));
    const tenants = new Set(probeOf.keys());
    context.suspects.retain(tenants);
    context.slow.retain(tenants);
    await warmth.warm(probes);
  }

  /** Runs each lane's share of the arms in one group of lanes, and makes one answer of what they gave. */
  async function onLanes(
    arms: readonly Arm[],
    { priority, streamed = false, signal, deadlineAtMs }: LaneRunOptions & { readonly streamed?: boolean },
    run: (lane: Lane, arms: readonly Arm[], times: Pick<Share, "signal" | "cleanUpDue">) => Promise<ShareOutcome>,
  ): Promise<GatheredRows> {
    const remainingMs = deadlineAtMs - now();
    if (remainingMs <= 0) throw deadlineExceeded();
    return limited(signal, remainingMs, async (stop) => {
      const shares = [...groupByLane(arms, assignment)];
      const needed = shares.map(([lane]) => lane);
      const group = groups.pick({ priority, streamed, needed });
      const cleanUp = createCleanUpTime();
      const times = { signal: stop, cleanUpDue: cleanUp.due };
      // All are awaited even when one rejects: stopping the others would cost their sessions and all tenants' connections.
      const settled = await Promise.allSettled(
        shares.map(([lane, share]) => run(group.lane(lane), share, times).finally(cleanUp.laneDone)),
      );
      cleanUp.allDone();
      for (const [lane, share] of shares) renewIfMoved(lane, share);
      const outcome = joinOutcomes(settled.map(outcomeOf));
      const gathered = gather(outcome);
      noteFailures(outcome, context);
      return gathered;
    });
  }

  /** A lane that asked tenants which moved to others meanwhile has connections that are not its own. */
  function renewIfMoved(lane: number, arms: readonly Arm[]): void {
    if (!arms.every(({ tenant }) => assignment.isOwner(lane, tenant))) groups.renew(lane);
  }

  /** Runs `work` unless closing, and keeps sight of it, so that `close` can wait for its end. */
  async function track<T>(work: () => Promise<T>): Promise<T> {
    closing.signal.throwIfAborted();
    const promise = work();
    running.add(promise);
    return promise.finally(() => running.delete(promise));
  }

  /** Runs `work` with a signal that also aborts at the deadline and on close. */
  async function limited<T>(
    signal: AbortSignal,
    remainingMs: number,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return within(remainingMs, { signals: [signal, closing.signal], late: deadlineExceeded }, work);
  }

  return {
    runArms: (arms, { maxRows, maxBytes, ...options }) =>
      track(() => {
        const { deadlineAtMs, caller, together } = options;
        const budget = createReadBudget({ maxRows, maxBytes });
        return onLanes(arms, options, (lane, share, times) =>
          runShare(lane, { arms: share, budget, deadlineAtMs, caller, together, ...times }, context),
        );
      }),
    streamArms: (arms, { sinkFor, ...options }) =>
      track(() => {
        const { deadlineAtMs, caller } = options;
        return onLanes(arms, { ...options, streamed: true }, (lane, share, { signal }) =>
          streamShare(lane, { arms: share, sinkFor, deadlineAtMs, caller, signal }, context),
        );
      }),
    runOnce: (sql, { values = [], deadlineAtMs, signal, ...limits }) =>
      track(() =>
        limited(signal, deadlineAtMs - now(), (stop) =>
          outer.run(sql, { values, budget: createReadBudget(limits), signal: stop }),
        ),
      ),
    describe: (sql, signal) => track(() => limited(signal, tenantDeadlineMs, (stop) => outer.describe(sql, stop))),
    explain: (sql, signal, options) =>
      track(() => limited(signal, tenantDeadlineMs, (stop) => outer.explain(sql, stop, options))),
    layOut: (arms) =>
      [...groupByLane(arms, assignment)]
        .map(([lane, share]) => ({ lane, tenants: share.map((arm) => arm.tenant), sql: unionAll(share) }))
        .toSorted((a, b) => a.lane - b.lane),
    doubts: context.suspects.doubts,
    follow: (fleet) => {
      // A newer fleet waits for the one before it: both would move tenants.
      following = following.then(() => follow(fleet));
      return following;
    },
    async close() {
      warmth.close();
      prober.close();
      closing.abort(new AppError("SHUTTING_DOWN", "the server is stopping"));
      await Promise.allSettled([...running, following]);
      await Promise.all([groups.close(), outer.close(), lone.close()]);
    },
  };
}

function outcomeOf(share: PromiseSettledResult<ShareOutcome>): ShareOutcome {
  if (share.status === "rejected") throw share.reason;
  return share.value;
}
