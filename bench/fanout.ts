import type { Fleet } from "../src/demo/fleet.ts";
import type { Benchmark } from "./benchmark.ts";
import { type Bed, gridChart, gridTable, titleOf } from "./fanout-grid.ts";
import { chartOf, stagesSentence, timesTable } from "./fanout-report.ts";
import { type FanoutRuns, measurePeers } from "./fanout-times.ts";
import { createPeers } from "./peers.ts";
import { createPlProxy, type PlProxy } from "./pl-proxy.ts";
import { measureStream } from "./stream.ts";
import { onboardFleet, startFleet } from "./testbed.ts";
import { measureTrouble } from "./trouble.ts";
import { untilQuiet } from "./until-quiet.ts";

/** Milliseconds each way between the federation database and the tenants: round trips of 0, 10 and 40 ms. */
const DELAYS_MS = [0, 5, 20];

interface FleetPlan extends FanoutRuns {
  readonly tenants: number;
  readonly delaysMs: readonly number[];
  /** The product's default when absent. */
  readonly laneGroups?: number;
}

/** Starting a fleet takes longer than measuring it, so all distances share one. */
const FLEETS: readonly FleetPlan[] = [
  { tenants: 10, delaysMs: DELAYS_MS, coldRuns: 1, warmRuns: 9 },
  { tenants: 80, delaysMs: DELAYS_MS, coldRuns: 1, warmRuns: 9 },
  { tenants: 100, delaysMs: [5], coldRuns: 1, warmRuns: 9 },
  { tenants: 300, delaysMs: DELAYS_MS, coldRuns: 1, warmRuns: 7 },
  // Each connection to a tenant is a process of 2 MB, so there is one group of lanes.
  { tenants: 1_000, delaysMs: DELAYS_MS, laneGroups: 1, coldRuns: 1, warmRuns: 5 },
];

type Progress = (text: string) => void;

/** The one whose ways are drawn beside each other. */
const DRAWN = { tenants: 100, delayMs: 5 };

/** One question to many tenants, by Tenantry without its cache and by other ways, side by side. */
export const fanout: Benchmark = {
  name: "fanout",
  run: async (progress) => {
    // First: what follows leaves the machine with thousands of processes and databases to forget.
    const stream = await measureStream(progress);
    const trouble = await measureTrouble(progress);
    const beds = await measureBeds(progress);
    const drawn = beds.find(({ tenants, delayMs }) => tenants === DRAWN.tenants && delayMs === DRAWN.delayMs);
    const sections = [
      gridTable(beds),
      ...beds.flatMap((bed) => [`### ${titleOf(bed)}`, timesTable(bed.rows), stagesSentence(bed.rows)]),
      "### With a tenant that is silent, and with a panel that takes long",
      trouble,
      "### A million rows",
      stream,
    ];
    if (drawn === undefined) throw new RangeError("the bed that is drawn is not measured");
    const charts = new Map([
      ["fanout-grid.svg", gridChart(beds)],
      ["fanout-ways.svg", chartOf(`One question to ${titleOf(drawn)}, warm`, drawn.rows)],
    ]);
    return { markdown: sections.join("\n\n"), charts };
  },
};

async function measureBeds(progress: Progress): Promise<readonly Bed[]> {
  const beds: Bed[] = [];
  const plProxy = await createPlProxy();
  try {
    for (const plan of FLEETS) {
      const fleet = await startFleet(plan.tenants, progress);
      try {
        for (const delayMs of plan.delaysMs) beds.push(await measureBed(fleet, plan, { delayMs, plProxy, progress }));
      } finally {
        await fleet.close();
      }
    }
  } finally {
    await plProxy.close();
  }
  return beds;
}

async function measureBed(
  fleet: Fleet,
  { laneGroups, ...runs }: FleetPlan,
  { delayMs, plProxy, progress }: { readonly delayMs: number; readonly plProxy: PlProxy; readonly progress: Progress },
): Promise<Bed> {
  const place = { tenants: fleet.tenants.length, delayMs };
  const say = (text: string): void => progress(`${titleOf(place)}: ${text}`);
  const testbed = await onboardFleet(fleet, {
    delayMs,
    settings: { cache: { ttl: "0s" }, federation: laneGroups === undefined ? {} : { laneGroups } },
    progress: say,
  });
  try {
    const peers = await createPeers(testbed, { plProxy });
    return { ...place, rows: await measurePeers(peers, runs, say) };
  } finally {
    await testbed.close();
    await untilQuiet(testbed);
  }
}
