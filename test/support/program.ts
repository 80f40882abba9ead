import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

const LINE_TIMEOUT_MS = 60_000;

export interface Program {
  readonly pid: number;
  /** Lines of its standard output so far. */
  readonly lines: readonly string[];
  /** Lines of its standard error so far: the log, for `serve`. */
  readonly errors: readonly string[];
  /** Resolves with the first line of either that matches; rejects when the program ends before it, or after 60 s. */
  readonly line: (matches: (line: string) => boolean) => Promise<string>;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it as Ctrl-C does, if it still runs, and waits until it is gone. */
  readonly close: () => Promise<void>;
}

export interface Finished {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

/** Starts the built program with nothing of the tests' environment but PATH, HOME and TMPDIR. */
export function startProgram(args: readonly string[], env: Environment = {}): Program {
  const child = start(args, env);
  const lines: string[] = [];
  const errors: string[] = [];
  const streams = [createInterface({ input: child.stdout }), createInterface({ input: child.stderr })] as const;
  streams[0].on("line", (line) => lines.push(line));
  streams[1].on("line", (line) => errors.push(line));
  const ended = endOf(child);
  return {
    pid: child.pid ?? 0,
    lines,
    errors,
    ended,
    line: (matches) =>
      new Promise((resolve, reject) => {
        const known = [...lines, ...errors].find(matches);
        if (known !== undefined) return resolve(known);
        for (const stream of streams)
          stream.on("line", (line) => {
            if (matches(line)) resolve(line);
          });
        const fail = (what: string): void =>
          reject(new Error([what, ...lines.slice(-3), ...errors.slice(-3)].join("\n")));
        setTimeout(fail, LINE_TIMEOUT_MS, "no such line").unref();
        ended.then((code) => fail(`ended with ${code}`), reject);
      }),
    signal: (name) => child.kill(name),
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
      await ended;
    },
  };
}

/** Runs the built program to its end. */
export async function runProgram(args: readonly string[], env: Environment = {}): Promise<Finished> {
  const child = start(args, env);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await endOf(child);
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

function start(args: readonly string[], env: Environment) {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  // By its own first line, which has settings of Node's.
  return spawn("dist/cli/main.js", args, {
    cwd: REPOSITORY,
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  await once(child, "close");
  return child.exitCode ?? child.signalCode ?? 1;
}
