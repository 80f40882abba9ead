import { z } from "zod";
import { AppError } from "../errors.ts";
import type { Answer, Coverage, Notice, StreamedAnswer } from "../types.ts";
import { printLine, type Screen } from "./terminal.ts";
import { terminalWidth, textTable } from "./text-table.ts";

const cell = z.union([z.string(), z.boolean(), z.null()]);
const tables = z.array(
  z.object({ columns: z.array(z.object({ text: z.string(), type: z.string() })), rows: z.array(z.array(cell)) }),
);
const SHOWN_FAILURES = 10;

/** Prints an answer in the format `table` for people. */
export function printTable(screen: Screen, answer: Answer): void {
  const found = tables.safeParse(readWithDigits(answer.body.toString("utf8")));
  if (!found.success) throw new AppError("INTERNAL", "the answer is no table", { cause: found.error });
  const width = terminalWidth(screen);
  for (const { columns, rows } of found.data) {
    const texts = rows.map((row) => row.map((value, index) => show(value, columns[index]?.type)));
    const shown = columns.map(
      ({ text, type }) => ({ name: text, align: type === "number" ? "right" : "left" }) as const,
    );
    for (const line of textTable(shown, texts, { width })) printLine(screen, line);
  }
}

/** Prints an answer as its format has it, for programs. */
export function printBody(screen: Screen, answer: Answer): void {
  screen.write(answer.body);
  if (answer.body.at(-1) !== "\n".charCodeAt(0)) screen.write("\n");
}

/** Prints an answer while it is made, as fast as the screen takes it. */
export async function printStream(screen: Screen, { chunks }: Pick<StreamedAnswer, "chunks">): Promise<void> {
  for await (const chunk of chunks) {
    await new Promise<void>((resolve, reject) => {
      screen.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** Prints what an answer is worth: the tenants behind it, those that are missing and why, and the notices. */
export function printCoverage(screen: Screen, answer: Pick<Answer, "coverage" | "notices">): void {
  for (const line of coverageLines(answer.coverage)) printLine(screen, line);
  for (const line of noticeLines(answer.notices)) printLine(screen, line);
}

/** Lines for notices: `warning: …`. */
export function noticeLines(notices: readonly Notice[]): string[] {
  return notices.map(({ severity, text }) => `${severity === "info" ? "note" : severity}: ${text}`);
}

function coverageLines({ expected, answered, failed, stale = [], truncated }: Coverage): string[] {
  const shown = failed
    .slice(0, SHOWN_FAILURES)
    .map(({ tenant, reason, detail }) => `  ${tenant}: ${reason}: ${detail}`);
  const rest = failed.length - shown.length;
  return [
    `${answered} of ${expected} tenants answered${stale.length > 0 ? `, ${stale.length} shown as they last were` : ""}${truncated ? "; a limit cut their rows" : ""}`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

/** JSON with every number as text, so that a numeric of thirty digits keeps them all. */
function readWithDigits(json: string): unknown {
  const quoted = json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
  return JSON.parse(quoted);
}

function show(value: z.output<typeof cell>, type: string | undefined): string {
  if (value === null) return "";
  if (type !== "time" || typeof value === "boolean") return String(value);
  const ms = Number(value);
  return Number.isSafeInteger(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : value;
}
