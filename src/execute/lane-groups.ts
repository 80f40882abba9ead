import type { Observe } from "../observation.ts";
import type { Session } from "../postgres/session.ts";
import { createLane, type Lane } from "./lane.ts";

/** Lanes that together own all tenants: one query at a time can use all of them. */
export interface LaneGroup {
  /** The lane of that number, made on first use. */
  lane(index: number): Lane;
}

/** All groups. A tenant has one connection for each group at most, so their number bounds what a tenant carries. */
export interface LaneGroups {
  /** The interactive group with the least work, or the scheduled group. */
  pick(priority: "interactive" | "scheduled"): LaneGroup;
  /** The groups that are worth to be kept connected: the interactive ones, and the scheduled one once it was picked. */
  used(): readonly LaneGroup[];
  /** Renews the lanes of that number in every group. */
  renew(index: number): void;
  close(): Promise<void>;
}

export function createLaneGroups(options: {
  readonly laneGroups: number;
  readonly openSession: () => Promise<Session>;
  readonly observe: Observe;
}): LaneGroups {
  const { laneGroups, openSession, observe } = options;
  const groups = Array.from({ length: laneGroups + 1 }, () => new Map<number, Lane>());
  const interactive = groups.slice(0, laneGroups);

  let scheduled = false;

  function asGroup(lanes: Map<number, Lane>): LaneGroup {
    return {
      lane(index) {
        const made = lanes.get(index) ?? createLane({ group: groups.indexOf(lanes), index, openSession, observe });
        lanes.set(index, made);
        return made;
      },
    };
  }

  return {
    used: () => (scheduled ? groups : interactive).map(asGroup),
    renew(index) {
      for (const lanes of groups) void lanes.get(index)?.renew();
    },
    pick(priority) {
      scheduled ||= priority === "scheduled";
      const candidates = priority === "scheduled" ? groups.slice(laneGroups) : interactive;
      return asGroup(candidates.reduce((least, lanes) => (loadOf(lanes) < loadOf(least) ? lanes : least)));
    },
    async close() {
      await Promise.all(groups.flatMap((lanes) => [...lanes.values()]).map((lane) => lane.close()));
    },
  };
}

function loadOf(lanes: ReadonlyMap<number, Lane>): number {
  return [...lanes.values()].reduce((sum, lane) => sum + lane.load(), 0);
}
