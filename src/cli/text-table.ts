import { printLine, type Screen } from "./terminal.ts";

export interface TextColumn {
  readonly name: string;
  /** Numbers stand right, so that their digits line up. */
  readonly align: "left" | "right";
}

export interface TextTableOptions {
  /** Characters that a line may have; wider columns are cut with `…`. Without it nothing is cut. */
  readonly width?: number | undefined;
}

const GAP = "  ";
const NARROWEST = 4;

/** A table for people: a header, a rule, a line for each row. */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  { width }: TextTableOptions = {},
): string[] {
  const shown = rows.map((row) => row.map(oneLine));
  const natural = columns.map((column, index) =>
    Math.max(displayWidth(column.name), 1, ...shown.map((row) => displayWidth(row[index] ?? ""))),
  );
  const widths = width === undefined ? natural : narrow(natural, width - GAP.length * (columns.length - 1));
  const line = (cells: readonly string[]) =>
    columns
      .map((column, index) => pad(cells[index] ?? "", widths[index] ?? 0, column.align))
      .join(GAP)
      .trimEnd();
  return [
    line(columns.map((column) => column.name)),
    widths.map((columnWidth) => "─".repeat(columnWidth)).join(GAP),
    ...shown.map(line),
  ];
}

/** Prints a table of texts, cut to the terminal's width. */
export function printTextTable(screen: Screen, names: readonly string[], rows: readonly (readonly string[])[]): void {
  const columns = names.map((name) => ({ name, align: "left" }) as const);
  for (const line of textTable(columns, rows, { width: terminalWidth(screen) })) printLine(screen, line);
}

/** Columns of a terminal; undefined for a file or a pipe, where nothing should be cut. */
export function terminalWidth(screen: Screen): number | undefined {
  return screen.isTTY === true ? screen.columns : undefined;
}

/** Takes from the widest columns first: a short one is worth more whole than a long one. */
function narrow(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) break;
    const runnerUp = Math.max(NARROWEST, ...widths.filter((width) => width < widest));
    const index = widths.indexOf(widest);
    const cut = Math.min(excess, Math.max(1, widest - runnerUp));
    widths[index] = widest - cut;
    excess -= cut;
  }
  return widths;
}

function pad(text: string, width: number, align: TextColumn["align"]): string {
  const cut = truncate(text, width);
  const space = " ".repeat(Math.max(0, width - displayWidth(cut)));
  return align === "right" ? space + cut : cut + space;
}

function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const character of text) {
    used += characterWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

// East Asian wide characters and emoji take two cells, combining marks none.
function characterWidth(character: string): number {
  if (/\p{Mark}|\u200d|\ufe0f/u.test(character)) return 0;
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
    character,
  )
    ? 2
    : 1;
}

// A control character in a tenant's text could move the cursor or rename the window.
function oneLine(text: string): string {
  return text.replace(/\r?\n/g, "⏎").replace(/\p{Control}/gu, "�");
}
