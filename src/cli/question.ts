import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import { buildRequest } from "../protocols/build-request.ts";
import type { QueryRequest } from "../types.ts";
import { type Given, type Option, UsageError } from "./command.ts";
import { readPairs } from "./settings-options.ts";
import type { Terminal } from "./terminal.ts";

/** Options that say what is asked. */
export const QUESTION_OPTIONS = {
  tenants: { value: "NAMES", repeated: true, summary: "Only these tenants, as in a,b" },
  from: { value: "TIME", summary: "Start of the time range: ISO 8601, epoch or date math such as now-6h" },
  to: { value: "TIME", summary: "End of the time range (default: now)" },
  partial: { value: "POLICY", summary: "How many tenants must answer: allow, fail, or a share such as 95%" },
  require: { value: "NAMES", repeated: true, summary: "Tenants without which there is no answer, as in a,b" },
  timeout: { value: "TIME", summary: "Time for the answer, as in 5s; at most the deadline of the settings" },
  param: { value: "NAME=VALUE", repeated: true, summary: "A value for $param(NAME)" },
} as const satisfies Record<string, Option>;

/** Options that give SQL instead of a named query's name. */
export const SQL_OPTIONS = {
  sql: { value: "SQL", summary: "The template, as in --sql 'SELECT count(*) FROM $<tenant>_entities'" },
  file: { value: "FILE", short: "f", summary: "Read the template from a file; - reads standard input" },
} as const satisfies Record<string, Option>;

/** The request that the options describe, checked like one that came over HTTP. Throws UsageError. */
export async function readQuestion(
  given: Given,
  terminal: Terminal,
  { config, format }: { readonly config: Config; readonly format: string | undefined },
): Promise<QueryRequest> {
  const sql = await readSql(given, terminal.stdin);
  if ((sql === undefined) === (given.operand === undefined)) {
    throw new UsageError("give one question: the name of a named query, --sql or --file", {
      hint: "`tenantry queries list` shows the named queries",
    });
  }
  const params = Object.entries(readPairs("--param", given.list("param")));
  const question = sql === undefined ? { query: given.operand } : { sql };
  return understood(() =>
    buildRequest(
      {
        ...question,
        from: given.text("from"),
        to: given.text("to"),
        tenants: given.list("tenants").flatMap((names) => names.split(",")),
        partial: given.text("partial"),
        require: given.list("require").flatMap((names) => names.split(",")),
        timeout: given.text("timeout"),
        format,
        // A named query declares its types; for SQL of one's own the value has to say what it is.
        params: new Map(params.map(([name, value]) => [name, sql === undefined ? value : inferValue(value)])),
      },
      { config, nowMs: Date.now() },
    ),
  );
}

/** What HTTP calls an invalid request is a command line that cannot be understood. */
function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "REQUEST_INVALID") throw error;
    throw new UsageError(error.message, { hint: error.hint, cause: error });
  }
}

async function readSql(given: Given, stdin: NodeJS.ReadableStream): Promise<string | undefined> {
  const file = given.text("file");
  const sql = given.text("sql");
  if (file === undefined) return sql;
  if (sql !== undefined) throw new UsageError("both --sql and --file are given", { hint: "give one of them" });
  try {
    return file === "-" ? await readStream(stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new AppError("REQUEST_INVALID", `--file ${file} cannot be read`, { cause: error });
  }
}

function inferValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
