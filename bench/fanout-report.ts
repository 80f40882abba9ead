import { STAGES } from "../src/types.ts";
import { barChart } from "./bar-chart.ts";
import { isMeasured, type PeerTimes } from "./fanout-times.ts";
import { formatMs, formatRatio, markdownTable } from "./markdown.ts";
import type { MissingPeer } from "./peer.ts";
import { DIRECT, OVER_HTTP } from "./peers.ts";
import { QUESTIONS, TOTALS } from "./questions.ts";
import { quantile, spreadOf } from "./statistics.ts";

type Row = PeerTimes | MissingPeer;

/** A row for each way, measured or not, each compared with direct connections. */
export function timesTable(rows: readonly Row[]): string {
  const direct = rows.filter(isMeasured).find(({ name }) => name === DIRECT);
  const cells = (row: Row): readonly string[] => {
    if (!isMeasured(row)) return [`${row.name}: ${row.because}`];
    return [
      row.name,
      ...QUESTIONS.flatMap((question) => {
        const mine = spreadOf(row.warm.get(question) ?? []);
        const ratio = mine.median / spreadOf(direct?.warm.get(question) ?? []).median;
        return [formatMs(mine.median), `${formatMs(mine.min)} … ${formatMs(mine.max)}`, formatRatio(ratio)];
      }),
      formatMs(spreadOf(row.cold).median),
    ];
  };
  return markdownTable(
    [
      { name: "way", align: "left" },
      ...QUESTIONS.flatMap(
        ({ name }) =>
          [
            { name, align: "right" },
            { name: "min … max", align: "right" },
            { name: "of direct", align: "right" },
          ] as const,
      ),
      { name: "first", align: "right" },
    ],
    rows.map(cells),
  );
}

/** What each of Tenantry's stages takes. */
export function stagesSentence(rows: readonly Row[]): string {
  const stages = rows.filter(isMeasured).find((row) => row.stages.size > 0)?.stages ?? new Map<string, number[]>();
  const parts = STAGES.filter((stage) => stages.has(stage)).map(
    (stage) => `${stage} ${quantile(stages.get(stage) ?? [], 0.5).toFixed(1)}`,
  );
  return `Tenantry's stages, warm medians in milliseconds: ${parts.join(", ")}.`;
}

/** Bars of the ways that were measured. */
export function chartOf(title: string, rows: readonly Row[]): string {
  const bars = rows.filter(isMeasured).map(({ name, warm }) => {
    const { median } = spreadOf(warm.get(TOTALS) ?? []);
    return { label: name, value: median, text: formatMs(median), highlighted: name === OVER_HTTP };
  });
  return barChart(title, bars);
}
