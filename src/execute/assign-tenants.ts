import { costMs, type FleetSize, type LaneCountOptions, laneCount } from "./lane-count.ts";

/** Which lane owns which tenant. */
export interface LaneAssignment {
  /** The tenant's lane. It stays until `fit` moves it: lanes that swapped tenants would each keep a connection to all of them. */
  laneOf(tenant: string): number;
  /** True when the tenant is the lane's: it may have moved, or left, since a request began. */
  isOwner(lane: number, tenant: string): boolean;
  /** How many lanes there are. */
  lanes(): number;
  /**
   * Fits the lanes to the fleet as it is now: forgets tenants that left, gives newcomers to the lanes with the fewest, and moves as few as
   * possible when the number of lanes changes. Gives the lanes that a tenant left: their sessions may still be connected to it.
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

/** Shares differ by one at most when the number of lanes was just chosen. */
export function createLaneAssignment(options: LaneCountOptions): LaneAssignment {
  const owners = new Map<string, number>();
  let shares: number[] = [];
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

  /** Lanes for so many tenants: those that there are, when others would not be worth it. */
  function lanesFor(tenants: number): number {
    const fleet = { tenants, roundTripMs };
    const wanted = laneCount(fleet, bounds);
    const near = costMs(shares.length, fleet) <= TOLERANCE * costMs(wanted, fleet);
    const allowed = laneCount(fleet, { ...bounds, lanes: shares.length }) === shares.length;
    return bounds.lanes === "auto" && near && allowed ? shares.length : wanted;
  }

  /** Moves tenants from the fullest lanes to the emptiest. */
  function level(): readonly number[] {
    const lost: number[] = [];
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
    lanes: () => shares.length,
    isOwner: (lane, tenant) => owners.get(tenant) === lane,
    laneOf(tenant) {
      const owner = owners.get(tenant);
      if (owner !== undefined) return owner;
      // Newcomers before the next `fit`.
      const lanes = Math.max(shares.length, laneCount({ tenants: owners.size + 1, roundTripMs }, bounds));
      shares = [...shares, ...Array.from({ length: lanes - shares.length }, () => 0)];
      return assign(tenant);
    },
    fit(fleet) {
      roundTripMs = fleet.roundTripMs;
      bounds = { ...options, connectionBudget: Math.min(options.connectionBudget, fleet.sessions) };
      const lost = new Set<number>();
      const present = new Set(fleet.tenants);
      for (const [tenant, lane] of [...owners]) {
        if (present.has(tenant)) continue;
        release(tenant);
        lost.add(lane);
      }
      const before = shares.length;
      const lanes = lanesFor(fleet.tenants.length);
      const homeless = [...owners].flatMap(([tenant, lane]) => (lane < lanes ? [] : [tenant]));
      for (let lane = lanes; lane < before; lane += 1) lost.add(lane);
      shares = Array.from({ length: lanes }, (_, lane) => shares[lane] ?? 0);
      for (const tenant of homeless) {
        owners.delete(tenant);
        assign(tenant);
      }
      for (const tenant of fleet.tenants) if (!owners.has(tenant)) assign(tenant);
      if (lanes !== before) for (const lane of level()) lost.add(lane);
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
