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
  /**
   * The scheduled group, if there is one, or the interactive one with the least work on these lanes; streams, whose statements may take
   * long however well their tenants are, have but the last of the interactive ones. One in which a statement has held such a lane for long is taken
   * only when all have: it may be as long again, while the clean-ups that make up most of a load end soon.
   */
  pick(wanted: {
    readonly priority: "interactive" | "scheduled";
    readonly streamed: boolean;
    readonly needed: readonly number[];
  }): LaneGroup;
  /** Interactive groups, and the scheduled one if there is one: they are kept connected. */
  all(): readonly LaneGroup[];
  /** Renews the lanes of that number in every group. */
  renew(index: number): void;
  close(): Promise<void>;
}

/** Longer than a statement and its clean-up usually are. */
const LONG_MS = 250;

export function createLaneGroups(options: {
  readonly laneGroups: number;
  /** Whether scheduled queries have a group more. */
  readonly scheduledGroup: boolean;
  readonly openSession: () => Promise<Session>;
  readonly observe: Observe;
}): LaneGroups {
  const { laneGroups, scheduledGroup, openSession, observe } = options;
  const newGroup = () => new Map<number, Lane>();
  const interactive = Array.from({ length: laneGroups }, newGroup);
  const scheduled = scheduledGroup ? [newGroup()] : [];
  const groups = [...interactive, ...scheduled];

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
    all: () => groups.map(asGroup),
    renew(index) {
      for (const lanes of groups) void lanes.get(index)?.renew();
    },
    pick({ priority, streamed, needed }) {
      const own = priority === "scheduled" ? scheduled : streamed ? interactive.slice(-1) : [];
      const fitting = own.length > 0 ? own : interactive;
      const candidates = fitting.map((lanes) => {
        const used = needed.flatMap((index) => lanes.get(index) ?? []);
        const held = used.filter((lane) => lane.heldMs() > LONG_MS).length;
        return { lanes, held, load: used.reduce((sum, lane) => sum + lane.load(), 0) };
      });
      const [least] = candidates.sort((a, b) => a.held - b.held || a.load - b.load);
      if (least === undefined) throw new RangeError("there is at least one group");
      return asGroup(least.lanes);
    },
    async close() {
      await Promise.all(groups.flatMap((lanes) => [...lanes.values()]).map((lane) => lane.close()));
    },
  };
}
