#!/usr/bin/env node
import process from "node:process";
import { runCli } from "./run-cli.ts";

/** The process: signals, streams and the exit code. Everything else is in `run-cli.ts`. */
const stopping = new AbortController();
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
] as const) {
  process.on(signal, () => {
    // Asked once, it ends in order; asked twice, it ends at once.
    if (stopping.signal.aborted) process.exit(128 + number);
    stopping.abort(signal);
  });
}
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has gone, as in `| head`: nobody is left to tell.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  stop: stopping.signal,
});
