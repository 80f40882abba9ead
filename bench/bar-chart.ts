export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is to be read: `4.2 s`. */
  readonly text: string;
  /** The bar that the chart is about. */
  readonly highlighted: boolean;
}

const WIDTH = 760;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 90;
const ROW_HEIGHT = 34;
const TOP = 48;

/** Horizontal bars on a linear scale from zero, readable on light and dark pages. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = TOP + bars.length * ROW_HEIGHT + 8;
  const rows = bars.map(({ label, value, text, highlighted }, index) => {
    const middle = TOP + index * ROW_HEIGHT + ROW_HEIGHT / 2;
    const length = Math.max(1, (value / most) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH));
    return [
      `  <text x="${LABEL_WIDTH - 12}" y="${middle + 5}" text-anchor="end">${escapeXml(label)}</text>`,
      `  <rect x="${LABEL_WIDTH}" y="${middle - 10}" width="${length.toFixed(1)}" height="20" rx="2" fill="${highlighted ? "#2f9e6e" : "#8a94a6"}"/>`,
      `  <text x="${(LABEL_WIDTH + length + 8).toFixed(1)}" y="${middle + 5}">${escapeXml(text)}</text>`,
    ].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title)}">
  <style>text { font: 14px system-ui, sans-serif; fill: #1f2430 } @media (prefers-color-scheme: dark) { text { fill: #e6e9ef } }</style>
  <text x="12" y="26" font-weight="600">${escapeXml(title)}</text>
${rows.join("\n")}
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
