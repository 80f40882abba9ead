import { barChart } from "./bar-chart.ts";
import { isMeasured, type PeerTimes } from "./fanout-times.ts";
import { formatMs, formatRatio, markdownTable } from "./markdown.ts";
import type { MissingPeer } from "./peer.ts";
import { DIRECT, OVER_HTTP } from "./peers.ts";
import { PL_PROXY } from "./pl-proxy.ts";
import { TOTALS } from "./questions.ts";
import { quantile } from "./statistics.ts";
import { PLAIN } from "./union-all.ts";

/** A fleet at a distance, and what each way took there. */
export interface Bed {
  readonly tenants: number;
  /** Milliseconds each way. */
  readonly delayMs: number;
  readonly rows: readonly (PeerTimes | MissingPeer)[];
}

/** `80 tenants on loopback`, `80 tenants 5 ms away, each way`. */
export function titleOf({ tenants, delayMs }: Pick<Bed, "tenants" | "delayMs">): string {
  const place = delayMs === 0 ? "on loopback" : `${delayMs} ms away, each way`;
  return `${tenants.toLocaleString("en-US")} tenants ${place}`;
}

/** A row for each bed: what the question takes over HTTP, and how often as long as by other ways. */
export function gridTable(beds: readonly Bed[]): string {
  return markdownTable(
    [
      { name: "tenants", align: "right" },
      { name: "round trip", align: "right" },
      { name: OVER_HTTP, align: "right" },
      { name: "of direct", align: "right" },
      { name: "of PL/Proxy", align: "right" },
      { name: "of by hand", align: "right" },
    ],
    beds.map((bed) => {
      const ofWay = (way: string): string => {
        const ratio = medianOf(bed, OVER_HTTP) / medianOf(bed, way);
        if (Number.isNaN(ratio)) return "";
        return ratio < 0.095 ? `1/${Math.round(1 / ratio)}` : ratio < 1 ? `${ratio.toFixed(2)}×` : formatRatio(ratio);
      };
      return [
        bed.tenants.toLocaleString("en-US"),
        `${2 * bed.delayMs} ms`,
        formatMs(medianOf(bed, OVER_HTTP)),
        ofWay(DIRECT),
        ofWay(PL_PROXY),
        ofWay(PLAIN),
      ];
    }),
  );
}

/** Bars of what the question takes over HTTP and by direct connections. */
export function gridChart(beds: readonly Bed[]): string {
  const bars = beds.flatMap((bed) => {
    const of = (way: string, label: string, highlighted: boolean) => ({
      label,
      value: medianOf(bed, way),
      text: formatMs(medianOf(bed, way)),
      highlighted,
    });
    return [of(OVER_HTTP, titleOf(bed), true), of(DIRECT, "direct", false)];
  });
  return barChart("One question over HTTP, and by a warm connection to every tenant", bars);
}

/** NaN for a way that was not measured. */
function medianOf({ rows }: Bed, way: string): number {
  const warm =
    rows
      .filter(isMeasured)
      .find(({ name }) => name === way)
      ?.warm.get(TOTALS) ?? [];
  return warm.length === 0 ? Number.NaN : quantile(warm, 0.5);
}
