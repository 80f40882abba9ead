import type { Fleet } from "../src/demo/fleet.ts";
import type { Benchmark } from "./benchmark.ts";
import { chartOf, stagesSentence, timesTable } from "./fanout-report.ts";
import { type FanoutRuns, measurePeers } from "./fanout-times.ts";
import { type ByHand, createPeers } from "./peers.ts";
import { createPlProxy, type PlProxy } from "./pl-proxy.ts";
import { measureStream } from "./stream.ts";
import { onboardFleet, startFleet } from "./testbed.ts";
import { measureTrouble } from "./trouble.ts";
import { untilQuiet } from "./until-quiet.ts";

/** How far a fleet is from the federation database. A cold run by hand over a slow link takes up to a minute, so there is one of it, or none. */
interface Bed extends FanoutRuns {
  readonly delayMs: number;
  readonly byHand: ByHand;
  /** The product's default when absent. */
  readonly laneGroups?: number;
}

/** Starting a fleet takes longer than measuring it, so beds of as many tenants share one. */
const FLEETS: readonly { readonly tenants: number; readonly beds: readonly Bed[] }[] = [
  { tenants: 10, beds: [{ delayMs: 0, byHand: "measured", coldRuns: 3, warmRuns: 15 }] },
  { tenants: 80, beds: [{ delayMs: 0, byHand: "measured", coldRuns: 3, warmRuns: 15 }] },
  {
    tenants: 100,
    beds: [
      { delayMs: 5, byHand: "measured", coldRuns: 1, warmRuns: 9 },
      { delayMs: 20, byHand: "left out", coldRuns: 1, warmRuns: 9 },
    ],
  },
  { tenants: 300, beds: [{ delayMs: 5, byHand: "left out", coldRuns: 1, warmRuns: 9 }] },
  {
    tenants: 1_000,
    beds: [
      // A session has descriptors for 324 foreign connections. Each connection to a tenant is a process of 2 MB, so there is one group of lanes.
      { delayMs: 0, byHand: "tried", laneGroups: 1, coldRuns: 1, warmRuns: 5 },
      { delayMs: 5, byHand: "left out", laneGroups: 1, coldRuns: 1, warmRuns: 5 },
    ],
  },
];

type Progress = (text: string) => void;

/** One question to many tenants, by Tenantry without its cache and by other ways, side by side. */
export const fanout: Benchmark = {
  name: "fanout",
  run: async (progress) => {
    const sections: string[] = [];
    const charts = new Map<string, string>();
    const plProxy = await createPlProxy();
    try {
      for (const { tenants, beds } of FLEETS) {
        const fleet = await startFleet(tenants, progress);
        try {
          for (const bed of beds) {
            const { title, markdown, chart } = await measureBed(fleet, bed, { plProxy, progress });
            sections.push(`### ${title}`, markdown);
            charts.set(`fanout-${tenants}-${bed.delayMs}ms.svg`, chart);
          }
        } finally {
          await fleet.close();
        }
      }
    } finally {
      await plProxy.close();
    }
    sections.push("### With a tenant that is silent, and with a panel that takes long", await measureTrouble(progress));
    sections.push("### A million rows", await measureStream(progress));
    return { markdown: sections.join("\n\n"), charts };
  },
};

async function measureBed(
  fleet: Fleet,
  bed: Bed,
  { plProxy, progress }: { readonly plProxy: PlProxy; readonly progress: Progress },
): Promise<{ readonly title: string; readonly markdown: string; readonly chart: string }> {
  const place = bed.delayMs === 0 ? "on loopback" : `${bed.delayMs} ms away, each way`;
  const title = `${fleet.tenants.length.toLocaleString("en-US")} tenants ${place}`;
  const say = (text: string): void => progress(`${title}: ${text}`);
  const testbed = await onboardFleet(fleet, {
    delayMs: bed.delayMs,
    settings: { cache: { ttl: "0s" } },
    progress: say,
  });
  try {
    const peers = await createPeers(testbed, { byHand: bed.byHand, plProxy });
    const rows = await measurePeers(peers, bed, say);
    return {
      title,
      markdown: [timesTable(rows), stagesSentence(rows)].join("\n\n"),
      chart: chartOf(`One question to ${title}, warm`, rows),
    };
  } finally {
    await testbed.close();
    await untilQuiet(testbed);
  }
}
