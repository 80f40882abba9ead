import { createReadBudget } from "../postgres/read-budget.ts";
import type { Arm } from "../types.ts";
import { groupByLane, type LaneAssignment } from "./assign-tenants.ts";
import type { Lane } from "./lane.ts";
import type { LaneGroup, LaneGroups } from "./lane-groups.ts";
import { runShare } from "./run-share.ts";
import type { ShareContext } from "./share.ts";

/** Keeps lanes connected to their tenants, so that no request pays for connecting: that takes 15 round trips for each tenant. */
export interface LaneWarmth {
  /** Connects every lane to its tenants by these statements; resolves when all are connected, or have failed. Remembers them. */
  warm(probes: readonly Arm[]): Promise<void>;
  /** Connects the lanes of one tenant to it, which they lost while it was away. */
  connect(probe: Arm): void;
  close(): void;
}

export interface LaneWarmthOptions {
  readonly groups: LaneGroups;
  readonly assignment: LaneAssignment;
  readonly context: ShareContext;
}

/** Connecting to a tenant that answers takes far less; one that does not is left to the first request. */
const WARM_DEADLINE_MS = 10_000;
const SWEEP_MS = 1_000;

/** Looks once a second for lanes that lost their session, and connects them again when nobody uses them. */
export function createLaneWarmth({ groups, assignment, context }: LaneWarmthOptions): LaneWarmth {
  const busy = new Set<Lane>();
  let shares: ReadonlyMap<number, readonly Arm[]> = new Map();
  let timer: NodeJS.Timeout | null = null;

  async function warmLane(lane: Lane, arms: readonly Arm[]): Promise<void> {
    if (busy.has(lane)) return;
    busy.add(lane);
    // Who is in doubt is asked by the probes of its own; see `createSuspects`.
    const trusted = arms.filter(({ tenant }) => context.suspects.treatmentOf(tenant) === "shared");
    const share = {
      arms: trusted,
      budget: createReadBudget({ maxRows: arms.length, maxBytes: 1_000_000 }),
      deadlineAtMs: context.now() + WARM_DEADLINE_MS,
      signal: context.closing,
    };
    try {
      if (trusted.length > 0) await runShare(lane, share, context);
    } catch {
      // The federation database is away, or the program ends: the next sweep tries again.
    } finally {
      busy.delete(lane);
    }
  }

  const warmGroup = (group: LaneGroup): Promise<unknown> =>
    Promise.all([...shares].map(([index, arms]) => warmLane(group.lane(index), arms)));

  function sweep(): void {
    for (const group of groups.used()) {
      for (const [index, arms] of shares) {
        const lane = group.lane(index);
        if (lane.cold() && lane.load() === 0) void warmLane(lane, arms);
      }
    }
  }

  return {
    async warm(probes) {
      shares = groupByLane(probes, assignment);
      timer ??= setInterval(sweep, SWEEP_MS).unref();
      // One group after the other: a tenant that is slow to connect is not asked for more at once than it has to give.
      for (const group of groups.used()) await warmGroup(group);
    },
    connect(probe) {
      for (const group of groups.used()) void warmLane(group.lane(assignment.laneOf(probe.tenant)), [probe]);
    },
    close() {
      if (timer !== null) clearInterval(timer);
    },
  };
}
