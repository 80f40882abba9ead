import { PassThrough, Readable } from "node:stream";
import type { Terminal } from "../../../src/cli/terminal.ts";

/** A terminal that remembers what was written to it. */
export function capturedTerminal(env: Readonly<Record<string, string>> = {}, input = "") {
  const stdout = new PassThrough({ encoding: "utf8" });
  const stderr = new PassThrough({ encoding: "utf8" });
  const stop = new AbortController();
  const terminal: Terminal = { stdin: Readable.from([input]), stdout, stderr, env, stop: stop.signal };
  const textOf = (stream: PassThrough) => String(stream.read() ?? "");
  return { terminal, stop: () => stop.abort("SIGINT"), stdout: () => textOf(stdout), stderr: () => textOf(stderr) };
}
