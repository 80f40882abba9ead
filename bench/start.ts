import { spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./benchmark.ts";
import { formatMs, markdownTable } from "./markdown.ts";
import { spreadOf } from "./statistics.ts";

const TENANTS = 81;
const RUNS = 3;
const PROGRAM = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** Each phase lasts until a line that begins like this. */
const PHASES = [
  { name: "loading the program", until: "starting the fleet:" },
  { name: "PostgreSQL and its databases", until: "reading tenants:" },
  { name: "reading the tenants", until: "onboarding tenants:" },
  { name: "onboarding, catalog, listening", until: "  Tenantry is ready" },
] as const;

/** How long `npm run demo` takes until it answers. */
export const start: Benchmark = {
  name: "start",
  run: async (progress) => {
    const runs: (readonly number[])[] = [];
    for (let run = 1; run <= RUNS; run++) {
      progress(`run ${run} of ${RUNS}`);
      runs.push(await startOnce());
    }
    const rows = [
      ...PHASES.map(({ name }, phase) =>
        phaseRow(
          name,
          runs.map((times) => times[phase] ?? 0),
        ),
      ),
      phaseRow(
        "all",
        runs.map((times) => times.reduce((sum, ms) => sum + ms, 0)),
      ),
    ];
    const columns = [
      { name: `demo, ${TENANTS} tenants`, align: "left" },
      ...["min", "median", "max"].map((name) => ({ name, align: "right" }) as const),
    ] as const;
    return { markdown: markdownTable(columns, rows), charts: new Map() };
  },
};

function phaseRow(name: string, times: readonly number[]): string[] {
  const { min, median, max } = spreadOf(times);
  return [name, formatMs(min), formatMs(median), formatMs(max)];
}

/** Milliseconds of each phase. */
async function startOnce(): Promise<readonly number[]> {
  const began = performance.now();
  const args = [...process.execArgv, PROGRAM, "demo", "--port", "0", "--tenants", String(TENANTS)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const seen = new Map<string, number>();
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        const phase = PHASES.find(({ until }) => line.startsWith(until) && !seen.has(until));
        if (phase !== undefined) seen.set(phase.until, performance.now());
        if (phase === PHASES.at(-1)) resolve();
      });
    }
  });
  try {
    await Promise.race([
      ready,
      exited.then(() => {
        throw new Error("the demo ended before it was ready");
      }),
    ]);
  } finally {
    child.kill("SIGINT");
    await exited;
  }
  const ends = PHASES.map(({ until }) => seen.get(until) ?? began);
  return ends.map((end, index) => end - (ends[index - 1] ?? began));
}
