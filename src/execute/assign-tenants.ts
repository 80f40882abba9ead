/** Foreign connections that one session may hold; PostgreSQL's default file limit stops it at 322. */
export const MAX_TENANTS_PER_LANE = 250;

/**
 * Sessions beside the lanes, which count in the budget too: four for outer blocks, four for tenants that are asked alone, and
 * eight that were thrown away and that the server has not ended yet.
 */
export const SESSIONS_BESIDE_LANES = 16;

const AUTO_LANES = 16;

export interface LaneCountOptions {
  readonly lanes: "auto" | number;
  /** Groups of lanes, the scheduled one included. */
  readonly groups: number;
  readonly connectionBudget: number;
}

/**
 * Lanes of a group for that many tenants: what the settings ask for, as far as the connection budget goes, never more
 * than tenants, and never so few that a session would run out of file descriptors, which would fail every query.
 */
export function laneCount(tenantCount: number, options: LaneCountOptions): number {
  const wanted = options.lanes === "auto" ? AUTO_LANES : options.lanes;
  const affordable = Math.floor((options.connectionBudget - SESSIONS_BESIDE_LANES) / options.groups);
  const least = Math.max(1, Math.ceil(tenantCount / MAX_TENANTS_PER_LANE));
  return Math.max(least, Math.min(wanted, affordable, tenantCount));
}

/** Which lane owns which tenant. */
export interface LaneAssignment {
  /** The tenant's lane, the same for ever: lanes that swapped tenants would each keep a connection to all of them. */
  laneOf(tenant: string): number;
}

/**
 * Gives each new tenant to the lane with the fewest. Shares differ by one at most from the first tenant on while the number of
 * lanes stays; lanes that a growing fleet adds begin empty and take the newcomers, since tenants do not move. A tenant that
 * left keeps its place until the next start: it may come back, and lanes of a fleet that shrank may be uneven.
 */
export function createLaneAssignment(options: LaneCountOptions): LaneAssignment {
  const owners = new Map<string, number>();
  const shares: number[] = [];

  function assign(tenant: string): number {
    const lanes = laneCount(owners.size + 1, options);
    while (shares.length < lanes) shares.push(0);
    const lane = shares.indexOf(Math.min(...shares));
    shares[lane] = (shares[lane] ?? 0) + 1;
    owners.set(tenant, lane);
    return lane;
  }

  return { laneOf: (tenant) => owners.get(tenant) ?? assign(tenant) };
}

/** The items by the lane of their tenant; lanes without any are left out. */
export function groupByLane<T extends { readonly tenant: string }>(
  items: readonly T[],
  assignment: LaneAssignment,
): ReadonlyMap<number, readonly T[]> {
  const shares = new Map<number, T[]>();
  for (const item of items) {
    const lane = assignment.laneOf(item.tenant);
    const share = shares.get(lane);
    if (share === undefined) shares.set(lane, [item]);
    else share.push(item);
  }
  return shares;
}
