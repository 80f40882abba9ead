/** Foreign connections that one session may hold; PostgreSQL's default file limit stops it at 322. */
export const MAX_TENANTS_PER_LANE = 250;

/**
 * Sessions beside the lanes, which count in the budget too: four for outer blocks, four for tenants that are asked alone, five that measure the way
 * to the tenants, two of the catalog, and eight that were thrown away and that the server has not ended yet.
 */
export const SESSIONS_BESIDE_LANES = 23;

/** With fewer, one tenant's hiccup holds up too many others; measured on loopback with 80 tenants, 4 to 16 lanes are equally fast. */
export const LEAST_LANES = 8;
/** While nobody knows how far the tenants are: as far as in one building. */
const UNKNOWN_TRIP_MS = 0.5;
/** A statement begins and declares on one tenant of its lane after the other; it fetches from all at once. */
const TRIPS_PER_TENANT = 2;
/**
 * What the sessions of so many lanes cost a request, in milliseconds on two cores, fitted to measurements: 80 tenants on loopback take 37 ms with 8 lanes
 * and 53 with 80; 1,000 tenants 10 ms away take 409 with 188, 415 with 250, 522 with 334 and 556 with 500, though their shares get smaller.
 */
const lanesCostMs = (lanes: number): number => 0.15 * lanes + 0.0009 * lanes ** 2;

export interface LaneCountOptions {
  readonly lanes: "auto" | number;
  /** Groups of lanes, the scheduled one included where there is one. */
  readonly groups: number;
  readonly connectionBudget: number;
}

/** What the number of lanes depends on. */
export interface FleetSize {
  readonly tenants: number;
  /** From the federation database to a tenant and back; null when it is not known. */
  readonly roundTripMs: number | null;
}

/**
 * Lanes of a group: what the settings ask for, as far as the connection budget goes, never more than tenants, and never so
 * few that a session would run out of file descriptors, which would fail every query. `auto` takes those that cost a request least.
 */
export function laneCount(fleet: FleetSize, options: LaneCountOptions): number {
  const { tenants, roundTripMs } = fleet;
  const affordable = Math.floor((options.connectionBudget - SESSIONS_BESIDE_LANES) / options.groups);
  const least = Math.max(1, Math.ceil(tenants / MAX_TENANTS_PER_LANE));
  const within = (lanes: number): number => Math.max(least, Math.min(lanes, affordable, tenants));
  if (options.lanes !== "auto") return within(options.lanes);
  // The fullest lane decides, so only numbers of lanes that make it smaller are worth a look: one for each size that it may have.
  let best = { lanes: 0, ms: Number.POSITIVE_INFINITY };
  for (let size = 1; size <= MAX_TENANTS_PER_LANE; size += 1) {
    const lanes = within(Math.max(LEAST_LANES, Math.ceil(tenants / size)));
    const ms = costMs({ lanes, fullest: Math.ceil(tenants / lanes), roundTripMs });
    if (ms < best.ms) best = { lanes, ms };
  }
  return best.lanes;
}

/** Lanes that have tenants, and the tenants of the fullest. */
export interface LaneShares extends Pick<FleetSize, "roundTripMs"> {
  readonly lanes: number;
  readonly fullest: number;
}

/**
 * What a request over the whole fleet takes, but for what no lane can change: the round trips of the fullest lane, one tenant after the other, and
 * what the lanes cost the processors.
 */
export function costMs({ lanes, fullest, roundTripMs }: LaneShares): number {
  return TRIPS_PER_TENANT * (roundTripMs ?? UNKNOWN_TRIP_MS) * fullest + lanesCostMs(lanes);
}
