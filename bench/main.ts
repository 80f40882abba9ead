import process from "node:process";
import { parseArgs } from "node:util";
import type { Benchmark } from "./benchmark.ts";
import { describeEnvironment } from "./environment.ts";
import { fanout } from "./fanout.ts";
import { http } from "./http.ts";
import { writeResults } from "./results-page.ts";
import { sql } from "./sql.ts";
import { start } from "./start.ts";

const BENCHMARKS: readonly Benchmark[] = [fanout, http, start, sql];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: "boolean" } } });
const unknown = positionals.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
if (unknown !== undefined) {
  const names = BENCHMARKS.map(({ name }) => name).join(", ");
  process.stderr.write(`no benchmark "${unknown}"; there are ${names}; without a name all run\n`);
  process.exitCode = 2;
} else {
  const chosen = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  for (const benchmark of chosen) await runBenchmark(benchmark);
}

async function runBenchmark({ name, run }: Benchmark): Promise<void> {
  const environment = await describeEnvironment(`npm run bench ${name} -- --write`);
  const { markdown, charts } = await run((text) => process.stderr.write(`${name}: ${text}\n`));
  const results = `${environment}\n\n${markdown}`;
  process.stdout.write(`## ${name}\n\n${results}\n\n`);
  if (values.write === true) await writeResults({ name, markdown: results, charts });
}
