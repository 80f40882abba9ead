import {
  costMs,
  type FleetSize,
  type LaneCountOptions,
  LEAST_LANES,
  laneCount,
  MAX_TENANTS_PER_LANE,
} from "./lane-count.ts";

/** Which lane owns which tenant. */
export interface LaneAssignment {
  /** The tenant's lane. It stays until `fit` moves it: lanes that swapped tenants would each keep a connection to all of them. */
  laneOf(tenant: string): number;
  /** True when the tenant is the lane's: it may have moved, or left, since a request began. */
  isOwner(lane: number, tenant: string): boolean;
  /** How many lanes have tenants. */
  lanes(): number;
  /**
   * Fits the lanes to the fleet as it is now: forgets tenants that left, gives newcomers to new lanes, where more are wanted, or to those with the fewest,
   * and moves tenants, as few as possible, where requests would gain by it. Gives the lanes that a tenant left: their sessions may still be connected to it.
   */
  fit(fleet: LaneFleet): readonly number[];
}

export interface LaneFleet extends Pick<FleetSize, "roundTripMs"> {
  readonly tenants: readonly string[];
  /** Sessions that the server has for us, which may be fewer than the settings allow. */
  readonly sessions: number;
}

/** A round trip is never measured twice alike; lanes that came and went with it would cost more than they save. */
const TOLERANCE = 4 / 3;

/** Shares differ by one at most when tenants were just moved. */
export function createLaneAssignment(options: LaneCountOptions): LaneAssignment {
  const owners = new Map<string, number>();
  const shares: number[] = [];
  let roundTripMs: number | null = null;
  let bounds = options;

  function assign(tenant: string): number {
    const lane = shares.indexOf(Math.min(...shares));
    move(tenant, lane);
    return lane;
  }

  function move(tenant: string, lane: number): void {
    release(tenant);
    shares[lane] = (shares[lane] ?? 0) + 1;
    owners.set(tenant, lane);
  }

  function release(tenant: string): void {
    const lane = owners.get(tenant);
    if (lane !== undefined) shares[lane] = (shares[lane] ?? 0) - 1;
    owners.delete(tenant);
  }

  /** Makes lanes until there are so many. */
  function grow(lanes: number): void {
    while (shares.length < lanes) shares.push(0);
  }

  const used = (): number => shares.filter((share) => share > 0).length;

  /** True when so many lanes as are wanted, with even shares, would not be worth moving anybody. */
  function isGoodEnough(wanted: number, fleet: FleetSize): boolean {
    const lanes = used();
    const fullest = Math.max(0, ...shares);
    const allowed = laneCount(fleet, { ...bounds, lanes }) === lanes && fullest <= MAX_TENANTS_PER_LANE;
    const enough = bounds.lanes === "auto" ? lanes >= Math.min(LEAST_LANES, wanted) : lanes === wanted;
    const best = { lanes: wanted, fullest: Math.ceil(fleet.tenants / wanted), roundTripMs };
    return allowed && enough && costMs({ lanes, fullest, roundTripMs }) <= TOLERANCE * costMs(best);
  }

  /** Leaves the first so many lanes, with even shares, by moving tenants from the fullest to the emptiest. Gives the lanes that lost one. */
  function level(lanes: number): readonly number[] {
    const lost = shares.flatMap((share, lane) => (lane >= lanes && share > 0 ? [lane] : []));
    const homeless = [...owners].flatMap(([tenant, lane]) => (lane < lanes ? [] : [tenant]));
    for (const tenant of homeless) release(tenant);
    shares.length = lanes;
    for (const tenant of homeless) assign(tenant);
    const tenantsOf = shares.map((): string[] => []);
    for (const [tenant, lane] of owners) tenantsOf[lane]?.push(tenant);
    for (;;) {
      const [most, least] = [Math.max(...shares), Math.min(...shares)];
      const [fullest, emptiest] = [shares.indexOf(most), shares.indexOf(least)];
      const tenant = tenantsOf[fullest]?.pop();
      if (most - least <= 1 || tenant === undefined) return lost;
      move(tenant, emptiest);
      tenantsOf[emptiest]?.push(tenant);
      lost.push(fullest);
    }
  }

  return {
    lanes: used,
    isOwner: (lane, tenant) => owners.get(tenant) === lane,
    laneOf(tenant) {
      const owner = owners.get(tenant);
      if (owner !== undefined) return owner;
      // Newcomers before the next `fit`.
      grow(laneCount({ tenants: owners.size + 1, roundTripMs }, bounds));
      return assign(tenant);
    },
    fit({ tenants, sessions, roundTripMs: measuredMs }) {
      roundTripMs = measuredMs;
      bounds = { ...options, connectionBudget: Math.min(options.connectionBudget, sessions) };
      const lost = new Set<number>();
      const present = new Set(tenants);
      for (const [tenant, lane] of [...owners]) {
        if (present.has(tenant)) continue;
        release(tenant);
        lost.add(lane);
      }
      const fleet = { tenants: tenants.length, roundTripMs };
      const wanted = laneCount(fleet, bounds);
      grow(wanted);
      for (const tenant of tenants) if (!owners.has(tenant)) assign(tenant);
      if (!isGoodEnough(wanted, fleet)) for (const lane of level(wanted)) lost.add(lane);
      return [...lost];
    },
  };
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
