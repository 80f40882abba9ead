// Draws docs/panel.svg, the README's picture, from the answer of a running demo:
//   npx tsx docs/draw-panel.ts http://127.0.0.1:8080 > docs/panel.svg
import { z } from "zod";

const SQL = `SELECT $__timeGroupAlias(placed_at, '1h'), sum(amount) AS value
FROM   $<tenant>_orders
WHERE  $__timeFilter(placed_at)
GROUP  BY 1
ORDER  BY 1`;

const framesSchema = z.array(
  z.object({
    meta: z.object({ notices: z.array(z.object({ text: z.string() })).optional() }).optional(),
    fields: z.array(
      z.object({ labels: z.record(z.string(), z.string()).optional(), values: z.array(z.number().nullable()) }),
    ),
  }),
);

interface Series {
  readonly tenant: string;
  readonly points: readonly (readonly [number, number])[];
}

const WIDTH = 960;
const HEIGHT = 470;
const PLOT = { left: 64, right: 830, top: 168, bottom: 400 };
const COLOURS = [
  "#7eb26d",
  "#eab839",
  "#6ed0e0",
  "#ef843c",
  "#e24d42",
  "#1f78c1",
  "#ba43a9",
  "#705da0",
  "#508642",
  "#cca300",
];

const base = process.argv[2] ?? "http://127.0.0.1:8080";
/** Asks for the last hours but one: the current hour is not over. */
function ask(from: string): Promise<Response> {
  return fetch(
    `${base}/v1/query?${new URLSearchParams({ sql: SQL, from, to: "now-1h", intervalMs: "3600000", format: "frame" })}`,
  );
}

// The first answer after a start pays for connecting to every tenant; a dashboard's usual one does not.
await ask("now-25h");
const response = await ask("now-24h");
const frames = framesSchema.parse(await response.json());
const series = frames.map((frame): Series => {
  const [time, value] = frame.fields;
  const points = (time?.values ?? []).map((at, index) => [at ?? 0, value?.values[index] ?? 0] as const);
  return { tenant: value?.labels?.tenant ?? "", points };
});
process.stdout.write(draw(series, response.headers));

function draw(all: readonly Series[], headers: Headers): string {
  const times = all.flatMap(({ points }) => points.map(([at]) => at));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(...all.flatMap(({ points }) => points.map(([, value]) => value)));
  // Tenants differ by orders of magnitude, so the axis is logarithmic.
  const x = (at: number) => PLOT.left + ((at - from) / (to - from)) * (PLOT.right - PLOT.left);
  const y = (value: number) =>
    PLOT.bottom - (Math.log10(Math.max(value, 1)) / Math.log10(top)) * (PLOT.bottom - PLOT.top);
  const largest = [...all].sort((a, b) => last(b) - last(a)).slice(0, 10);
  const colourOf = (one: Series, index: number) =>
    COLOURS[(largest.includes(one) ? largest.indexOf(one) : index) % COLOURS.length];
  const lines = all.map((one, index) => {
    const path = one.points
      .map(([at, value], step) => `${step === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
      .join("");
    const strong = largest.includes(one);
    return `<path d="${path}" fill="none" stroke="${colourOf(one, index)}" stroke-width="${strong ? 1.8 : 0.8}" opacity="${strong ? 1 : 0.35}"/>`;
  });
  const legend = largest.map(
    (one, index) =>
      `<rect x="${PLOT.right + 16}" y="${PLOT.top + index * 20}" width="12" height="3" fill="${colourOf(one, index)}"/>` +
      text(PLOT.right + 34, PLOT.top + 6 + index * 20, one.tenant, { size: 12 }),
  );
  const rows = [1, 10, 100, 1000, 10_000, 100_000].filter((value) => value <= top);
  const grid = rows.map(
    (value) =>
      `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(value)}" y2="${y(value)}" stroke="#2c3235"/>${text(PLOT.left - 10, y(value) + 4, String(value), { size: 11, fill: "#8e9299", anchor: "end" })}`,
  );
  const hours = [...new Set(times)].sort((a, b) => a - b).filter((_, index) => index % 4 === 0);
  const axis = hours.map((at) =>
    text(x(at), PLOT.bottom + 20, new Date(at).toISOString().slice(11, 16), {
      size: 11,
      fill: "#8e9299",
      anchor: "middle",
    }),
  );
  const sql = SQL.split("\n").map((line, index) =>
    text(24, 62 + index * 19, line, { size: 14, fill: "#c7d0d9", mono: true }),
  );
  const cost = /execute;dur=([\d.]+)/.exec(headers.get("server-timing") ?? "")?.[1];
  const footer = `${headers.get("x-tenants-answered")} of ${headers.get("x-tenants-expected")} tenant databases answered · one query, ${Math.round(Number(cost))} ms on the federation database`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Revenue per hour of ${all.length} tenants from one query">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#181b1f"/>`,
    text(24, 34, "Revenue per hour, every tenant", { size: 15, fill: "#ffffff" }),
    ...sql,
    ...grid,
    ...lines,
    ...axis,
    ...legend,
    text(PLOT.right + 16, PLOT.top + 12 + 10 * 20, `and ${all.length - 10} more`, { size: 12, fill: "#8e9299" }),
    text(24, HEIGHT - 22, footer, { size: 12, fill: "#8e9299" }),
    "</svg>\n",
  ].join("\n");
}

function last({ points }: Series): number {
  return points.at(-1)?.[1] ?? 0;
}

interface TextStyle {
  readonly size: number;
  readonly fill?: string;
  readonly anchor?: "start" | "middle" | "end";
  readonly mono?: boolean;
}

function text(
  x: number,
  y: number,
  content: string,
  { size, fill = "#c7d0d9", anchor = "start", mono = false }: TextStyle,
): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const family = mono ? "ui-monospace, Menlo, Consolas, monospace" : "Inter, Helvetica, Arial, sans-serif";
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-family="${family}" font-size="${size}" fill="${fill}" text-anchor="${anchor}" xml:space="preserve">${escaped}</text>`;
}
