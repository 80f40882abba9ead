import type { App } from "../app.ts";
import { isStreamed } from "../protocols/route.ts";
import { FORMATS, type QueryRequest } from "../types.ts";
import { type Given, JSON_OPTION, type Option } from "./command.ts";
import { printBody, printCoverage, printStream, printTable } from "./print-answer.ts";
import { printError } from "./print-error.ts";
import { QUESTION_OPTIONS, readQuestion } from "./question.ts";
import { readSettings, SETTINGS_OPTIONS } from "./settings-options.ts";
import type { Terminal } from "./terminal.ts";
import { OPERATOR, withApp } from "./with-app.ts";

/** Options of the commands that run a query. */
export const ASK_OPTIONS = {
  ...SETTINGS_OPTIONS,
  ...QUESTION_OPTIONS,
  format: { value: "FORMAT", summary: `Print the answer as HTTP would give it: ${FORMATS.join(", ")}` },
  ...JSON_OPTION,
} as const satisfies Record<string, Option>;

/** Runs the question that the options describe: rows to stdout, coverage and notices to stderr. */
export async function ask(given: Given, terminal: Terminal): Promise<number> {
  const config = await readSettings(given, terminal);
  const wanted = given.text("format") ?? (given.has("json") ? "rows" : undefined);
  const request = await readQuestion(given, terminal, { config, format: wanted ?? "table" });
  try {
    if (wanted === "ndjson") {
      await withApp(config, (app) => askForStream(app, request, terminal));
      return 0;
    }
    const answer = await withApp(config, (app) => app.service.run(request, OPERATOR, terminal.stop));
    if (wanted === undefined) printTable(terminal.stdout, answer);
    else printBody(terminal.stdout, answer);
    printCoverage(terminal.stderr, answer);
    return 0;
  } catch (error) {
    if (terminal.stop.aborted) throw error;
    printError(terminal.stderr, error, { sql: request.sql, json: given.has("json") });
    return 1;
  }
}

async function askForStream(
  { service }: App,
  request: QueryRequest,
  { stdout, stderr, stop }: Terminal,
): Promise<void> {
  const answer = await service.stream(request, OPERATOR, stop);
  if (!isStreamed(answer)) {
    printBody(stdout, answer);
    printCoverage(stderr, answer);
    return;
  }
  try {
    await printStream(stdout, answer);
    const coverage = answer.coverage();
    if (coverage !== null) printCoverage(stderr, { coverage, notices: [] });
  } finally {
    await answer.close();
  }
}
