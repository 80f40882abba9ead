export interface MarkdownColumn {
  readonly name: string;
  /** Numbers stand right, so that their digits line up. */
  readonly align: "left" | "right";
}

/** A table that reads well as plain text too. Cells hold no `|`. */
export function markdownTable(columns: readonly MarkdownColumn[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ name }, index) =>
    Math.max(3, name.length, ...rows.map((row) => (row[index] ?? "").length)),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const padded = (cells: readonly string[]): string =>
    line(
      columns.map(({ align }, index) => {
        const [cell, width] = [cells[index] ?? "", widths[index] ?? 0];
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      }),
    );
  const rule = columns.map(({ align }, index) => {
    const dashes = "-".repeat((widths[index] ?? 1) - 1);
    return align === "right" ? `${dashes}:` : `${dashes}-`;
  });
  return [padded(columns.map(({ name }) => name)), line(rule), ...rows.map(padded)].join("\n");
}

/** Milliseconds with the digits that a measurement on a shared machine can bear. */
export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** `3.2×`, `23×`. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`;
}

/** `28 %`. */
export function formatShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `18,631`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
