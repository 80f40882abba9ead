import { barChart } from "./bar-chart.ts";
import type { Benchmark } from "./benchmark.ts";
import { formatMs, formatRatio, markdownTable } from "./markdown.ts";
import { createReadings } from "./readings.ts";
import { SQL_QUESTIONS, type SqlQuestion } from "./sql-questions.ts";
import { measureQuestions, type WayTimes } from "./sql-ways.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { measureTemplates, type TemplateSpeed } from "./template-to-sql.ts";
import { createTestbed } from "./testbed.ts";

const TENANTS = 80;

/** Milliseconds from template to SQL that are wanted at most, by number of arms. */
const WANTED_MS: ReadonlyMap<number, number> = new Map([
  [400, 5],
  [1_000, 10],
]);

/** What Tenantry's rewriting is worth, beside the same questions put by people who know what is pushed down, and what it costs. */
export const sql: Benchmark = {
  name: "sql",
  run: async (progress) => {
    const settings = { cache: { ttl: "0s" } };
    const testbed = await createTestbed({ tenants: TENANTS, delayMs: 0, settings, prepare: createReadings, progress });
    try {
      const times = await measureQuestions(testbed, SQL_QUESTIONS, progress);
      const speeds = await measureTemplates(testbed.adminUrl, progress);
      const sections = [...times].flatMap(([question, ways]) => [
        `### ${question.title}`,
        questionTable(question, ways),
      ]);
      return {
        markdown: [...sections, "### Template to SQL", speedTable(speeds)].join("\n\n"),
        charts: new Map([...times].map(([question, ways], index) => [`sql-${index + 1}.svg`, chartOf(question, ways)])),
      };
    } finally {
      await testbed.close();
    }
  },
};

function questionTable({ target }: SqlQuestion, ways: readonly WayTimes[]): string {
  const compared = ways.find(({ way }) => way.name === target.than);
  return markdownTable(
    [
      { name: "way", align: "left" },
      { name: "median", align: "right" },
      { name: "min … max", align: "right" },
      { name: `of "${target.than}"`, align: "right" },
      { name: "min … max", align: "right" },
      { name: "wanted", align: "right" },
    ],
    ways.map((times) => {
      const own = spreadOf(times.ms);
      const ratio = ratioOf(times, compared ?? times);
      return [
        times.way.name + (times.refusal === null ? "" : `: refused, ${times.refusal}`),
        formatMs(own.median),
        spreadText(own, formatMs),
        // How fast a refusal comes says nothing.
        times.refusal === null ? formatHundredths(ratio.median) : "",
        times.refusal === null ? spreadText(ratio, formatHundredths) : "",
        times.way.name === target.way ? `≤ ${target.times}×` : "",
      ];
    }),
  );
}

/** Rounds are compared one by one, since a noisy moment hits both ways of a round. */
function ratioOf(way: WayTimes, than: WayTimes): Spread {
  return spreadOf(
    way.ms.flatMap((ms, round) => {
      const other = than.ms[round];
      return other === undefined ? [] : [ms / other];
    }),
  );
}

function formatHundredths(ratio: number): string {
  return ratio < 10 ? `${ratio.toFixed(2)}×` : formatRatio(ratio);
}

function spreadText({ min, max }: Spread, format: (value: number) => string): string {
  return `${format(min)} … ${format(max)}`;
}

function speedTable(speeds: readonly TemplateSpeed[]): string {
  return markdownTable(
    [
      { name: "template", align: "left" },
      { name: "arms", align: "right" },
      { name: "ours", align: "right" },
      { name: "min … max", align: "right" },
      { name: "wanted", align: "right" },
      { name: "with the database", align: "right" },
      { name: "first", align: "right" },
    ],
    speeds.map(({ template, arms, oursMs, withDatabaseMs, coldMs }) => {
      const ours = spreadOf(oursMs);
      const wanted = WANTED_MS.get(arms);
      return [
        template,
        `${arms}`,
        formatMs(ours.median),
        spreadText(ours, formatMs),
        wanted === undefined ? "" : `≤ ${wanted} ms`,
        formatMs(spreadOf(withDatabaseMs).median),
        formatMs(coldMs),
      ];
    }),
  );
}

function chartOf({ title, target }: SqlQuestion, ways: readonly WayTimes[]): string {
  const bars = ways.map(({ way, ms, refusal }) => {
    const { median } = spreadOf(ms);
    const text = refusal === null ? formatMs(median) : "refused";
    return { label: way.name, value: median, text, highlighted: way.name === target.way };
  });
  return barChart(`${title}, ${TENANTS} tenants, warm`, bars);
}
