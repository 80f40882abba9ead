import { createReadBudget } from "../postgres/read-budget.ts";
import type { Arm } from "../types.ts";
import { groupByLane, type LaneAssignment } from "./assign-tenants.ts";
import { noteFailures } from "./gather.ts";
import type { Lane } from "./lane.ts";
import type { LaneGroup, LaneGroups } from "./lane-groups.ts";
import { runShare } from "./run-share.ts";
import type { ShareContext } from "./share.ts";
import { createTurns } from "./turns.ts";

/** Keeps lanes connected to their tenants, so that no request pays for connecting: that takes 15 round trips for each tenant. */
export interface LaneWarmth {
  /** Connects every lane to its tenants by these statements; resolves when all are connected, or have failed. Remembers them. */
  warm(probes: readonly Arm[]): Promise<void>;
  close(): void;
}

export interface LaneWarmthOptions {
  readonly groups: LaneGroups;
  readonly assignment: LaneAssignment;
  readonly context: ShareContext;
}

/** Connecting to a tenant that answers takes far less. One that is silent for half of it, alone on a session, is known to be silent; see `fairTimeMs`. */
const WARM_DEADLINE_MS = 11_000;
const SWEEP_MS = 1_000;
/** No answer waits while lanes are connected. */
const AT_ONCE = Promise.resolve();
/** Connecting takes two cores about 10 ms a tenant, measured: with more at once, each would take longer than it may. */
const LANES_AT_ONCE = 128;

/** Looks once a second for lanes that are not connected, or no longer, and connects them when nobody uses them. */
export function createLaneWarmth({ groups, assignment, context }: LaneWarmthOptions): LaneWarmth {
  const busy = new Map<Lane, Promise<void>>();
  const turns = createTurns(LANES_AT_ONCE);
  let shares: ReadonlyMap<number, readonly Arm[]> = new Map();
  let timer: NodeJS.Timeout | null = null;

  const missing = (lane: Lane): readonly Arm[] =>
    (shares.get(lane.index) ?? []).filter(({ tenant }) => !lane.hasAsked(tenant));

  /** False when a tenant stayed silent. */
  async function ask(lane: Lane, arms: readonly Arm[]): Promise<boolean> {
    const share = {
      arms,
      budget: createReadBudget({ maxRows: arms.length, maxBytes: 1_000_000 }),
      deadlineAtMs: context.now() + WARM_DEADLINE_MS,
      signal: context.closing,
      cleanUpDue: AT_ONCE,
    };
    const outcome = await runShare(lane, share, context);
    noteFailures(outcome, context);
    return outcome.absent.length === 0;
  }

  // Who is in doubt is asked by the probes of its own; see `createSuspects`.
  const trusted = ({ tenant }: Arm): boolean => context.suspects.treatmentOf(tenant) === "shared";

  /**
   * One tenant at a time: a statement for all may run out of time, and what stops it may end the session with every connection that it had made,
   * so that a large fleet would never be connected. After a silent one the others come at once, since they may be silent too.
   */
  async function askInTurn(lane: Lane, arms: readonly Arm[]): Promise<void> {
    const fleet = shares;
    let answering = true;
    // Tenants of a fleet that is no more may have moved to other lanes.
    for (let rest = arms.filter(trusted); rest.length > 0 && shares === fleet; rest = rest.filter(trusted)) {
      const next = answering ? rest.slice(0, 1) : rest;
      rest = rest.slice(next.length);
      answering = await ask(lane, next);
    }
  }

  /** One that is being connected, perhaps to the tenants of an older fleet, is waited for. */
  function warmLane(lane: Lane): Promise<void> {
    const warming = (busy.get(lane) ?? Promise.resolve())
      .then(() => turns.take(context.closing))
      .then((leave) => askInTurn(lane, missing(lane)).finally(leave))
      // The federation database is away, or the program ends: the next sweep tries again.
      .catch(() => undefined)
      .finally(() => {
        if (busy.get(lane) === warming) busy.delete(lane);
      });
    busy.set(lane, warming);
    return warming;
  }

  function warmGroup(group: LaneGroup): Promise<unknown> {
    const lanes = [...shares.keys()].map((index) => group.lane(index));
    return Promise.all(lanes.map(warmLane));
  }

  function sweep(): void {
    for (const group of groups.all()) {
      for (const index of shares.keys()) {
        const lane = group.lane(index);
        if (missing(lane).length > 0 && lane.load() === 0 && !busy.has(lane)) void warmLane(lane);
      }
    }
  }

  return {
    async warm(probes) {
      shares = groupByLane(probes, assignment);
      // One group after the other: a tenant that is slow to connect is not asked for more at once than it has to give.
      for (const group of groups.all()) await warmGroup(group);
      if (!context.closing.aborted) timer ??= setInterval(sweep, SWEEP_MS).unref();
    },
    close() {
      if (timer !== null) clearInterval(timer);
    },
  };
}
