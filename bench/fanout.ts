import { performance } from "node:perf_hooks";
import { z } from "zod";
import { STAGES } from "../src/types.ts";
import { barChart } from "./bar-chart.ts";
import type { Benchmark } from "./benchmark.ts";
import { formatMs, formatRatio, markdownTable } from "./markdown.ts";
import { createPeers, DIRECT, type OpenPeer, OVER_HTTP, type Question } from "./peers.ts";
import { quantile, spreadOf } from "./statistics.ts";
import { measureStream } from "./stream.ts";
import { createTestbed, type Testbed } from "./testbed.ts";
import { measureTrouble } from "./trouble.ts";

/** A fleet, and how far it is from the federation database. A cold run by hand over a slow link takes up to a minute, so there is one of it, or none. */
interface Bed {
  readonly tenants: number;
  readonly delayMs: number;
  readonly byHand: boolean;
  readonly coldRuns: number;
  readonly warmRuns: number;
}

const BEDS: readonly Bed[] = [
  { tenants: 10, delayMs: 0, byHand: true, coldRuns: 3, warmRuns: 15 },
  { tenants: 80, delayMs: 0, byHand: true, coldRuns: 3, warmRuns: 15 },
  { tenants: 100, delayMs: 5, byHand: true, coldRuns: 1, warmRuns: 7 },
  { tenants: 100, delayMs: 20, byHand: false, coldRuns: 1, warmRuns: 9 },
  { tenants: 300, delayMs: 5, byHand: false, coldRuns: 1, warmRuns: 9 },
];

const placeOf = ({ delayMs }: Bed): string => (delayMs === 0 ? "on loopback" : `${delayMs} ms away, each way`);

const TOTALS: Question = {
  name: "count(*), max(last_updated)",
  select: (table, selected) => `SELECT ${selected}count(*) AS n, max(last_updated) AS newest FROM ${table}`,
};
const BY_KIND: Question = {
  name: "count(*) by kind",
  select: (table, selected) => `SELECT ${selected}kind, count(*) AS n FROM ${table} GROUP BY kind`,
};

/** Milliseconds of every run of one peer. */
interface Times {
  readonly peer: string;
  readonly cold: number[];
  readonly warm: ReadonlyMap<Question, number[]>;
  readonly stages: Map<string, number[]>;
}

/** One question to many tenants, by Tenantry without its cache and by other ways, side by side. */
export const fanout: Benchmark = {
  name: "fanout",
  run: async (progress) => {
    const sections: string[] = [];
    const charts = new Map<string, string>();
    for (const bed of BEDS) {
      const title = `${bed.tenants} tenants ${placeOf(bed)}`;
      const say = (text: string): void => progress(`${title}: ${text}`);
      const settings = { cache: { ttl: "0s" } };
      const testbed = await createTestbed({ ...bed, settings, progress: say });
      const times = await measure(testbed, bed, say).finally(() => testbed.close());
      sections.push(`### ${title}`, timesTable(times), stagesSentence(times));
      charts.set(`fanout-${bed.tenants}-${bed.delayMs}ms.svg`, chartOf(bed, times));
    }
    sections.push("### With a tenant that is silent, and with a panel that takes long", await measureTrouble(progress));
    sections.push("### A million rows", await measureStream(progress));
    return { markdown: sections.join("\n\n"), charts };
  },
};

async function measure(
  testbed: Testbed,
  { byHand, coldRuns, warmRuns }: Bed,
  progress: (text: string) => void,
): Promise<readonly Times[]> {
  const peers = await createPeers(testbed, { byHand });
  const times = peers.map(({ name }): Times => {
    return {
      peer: name,
      cold: [],
      warm: new Map([TOTALS, BY_KIND].map((question) => [question, []])),
      stages: new Map(),
    };
  });
  const open: OpenPeer[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(open.splice(0).map((peer) => peer.close()));
  };
  try {
    for (let run = 1; run <= coldRuns; run++) {
      progress(`cold, run ${run} of ${coldRuns}`);
      await closeAll();
      for (const peer of peers) open.push(await peer.open());
      await askAll(open, TOTALS, (index, ms) => times[index]?.cold.push(ms));
    }
    for (const question of [TOTALS, BY_KIND]) {
      // What a session learns by its first question of a kind (plans of the catalog, parsers) is not to be measured.
      await askAll(open, question, () => undefined);
      for (let run = 1; run <= warmRuns; run++) {
        progress(`warm, ${question.name}, run ${run} of ${warmRuns}`);
        await askAll(open, question, (index, ms) => {
          times[index]?.warm.get(question)?.push(ms);
          for (const [stage, stageMs] of open[index]?.stages?.() ?? []) {
            const known = times[index]?.stages;
            known?.set(stage, [...(known.get(stage) ?? []), stageMs]);
          }
        });
      }
    }
    return times;
  } finally {
    await closeAll();
  }
}

/** Asks the peers in turn, so that a noisy moment of the machine hits all of them, and compares what they answer. */
async function askAll(
  peers: readonly OpenPeer[],
  question: Question,
  report: (index: number, ms: number) => void,
): Promise<void> {
  const outcomes = new Set<string>();
  for (const [index, peer] of peers.entries()) {
    const started = performance.now();
    const rows = await peer.ask(question);
    report(index, performance.now() - started);
    outcomes.add(outcomeOf(rows));
  }
  if (outcomes.size > 1) throw new Error(`the peers disagree on ${question.name}: ${[...outcomes].join(" / ")}`);
}

const counted = z.array(z.object({ n: z.coerce.number().int() }));

function outcomeOf(rows: readonly unknown[]): string {
  const total = counted.parse(rows).reduce((sum, { n }) => sum + n, 0);
  return `${rows.length} rows, ${total} entities`;
}

function timesTable(times: readonly Times[]): string {
  const direct = times.find(({ peer }) => peer === DIRECT);
  const cells = ({ warm, cold, peer }: Times): string[] => [
    peer,
    ...[TOTALS, BY_KIND].flatMap((question) => {
      const mine = spreadOf(warm.get(question) ?? []);
      const ratio = mine.median / spreadOf(direct?.warm.get(question) ?? []).median;
      return [formatMs(mine.median), `${formatMs(mine.min)} … ${formatMs(mine.max)}`, formatRatio(ratio)];
    }),
    formatMs(spreadOf(cold).median),
  ];
  return markdownTable(
    [
      { name: "way", align: "left" },
      ...[TOTALS, BY_KIND].flatMap(
        ({ name }) =>
          [
            { name, align: "right" },
            { name: "min … max", align: "right" },
            { name: "of direct", align: "right" },
          ] as const,
      ),
      { name: "first", align: "right" },
    ],
    times.map(cells),
  );
}

function stagesSentence(times: readonly Times[]): string {
  const stages = times.find((peer) => peer.stages.size > 0)?.stages ?? new Map<string, number[]>();
  const parts = STAGES.filter((stage) => stages.has(stage)).map(
    (stage) => `${stage} ${quantile(stages.get(stage) ?? [], 0.5).toFixed(1)}`,
  );
  return `Tenantry's stages, warm medians in milliseconds: ${parts.join(", ")}.`;
}

function chartOf(bed: Bed, times: readonly Times[]): string {
  const bars = times.map(({ peer, warm }) => {
    const { median } = spreadOf(warm.get(TOTALS) ?? []);
    return { label: peer, value: median, text: formatMs(median), highlighted: peer === OVER_HTTP };
  });
  return barChart(`One question to ${bed.tenants} tenants ${placeOf(bed)}, warm`, bars);
}
