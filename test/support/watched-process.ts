import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { UserIds } from "../../src/demo/unprivileged-user.ts";

/** A server of a test that does not outlive the test, be it killed. */
export interface WatchedProcess {
  readonly alive: () => boolean;
  /** What it wrote to its standard error so far. */
  readonly said: () => string;
  /** Sends the signal and waits for the end. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
}

export interface WatchedProcessOptions {
  /** Whom it runs as; as ourselves when undefined. */
  readonly user: UserIds | undefined;
  /** Removed with it when we die. */
  readonly folder: string;
}

/** Our end of the pipe closes when we die, in whatever way. */
const WATCH = 'read -r word; kill -9 "$1"; rm -rf "$2"';

/** Starts a program. Rejects with Node's error when there is no such program. */
export async function startWatched(
  program: string,
  args: readonly string[],
  { user, folder }: WatchedProcessOptions,
): Promise<WatchedProcess> {
  const child = spawn(program, [...args], { ...user, cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child, "spawn");
  const watch = spawn("/bin/sh", ["-c", WATCH, "watch", String(child.pid), folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  return {
    alive: () => isAlive(child),
    said: () => said,
    async stop(signal) {
      await end(watch, "SIGKILL");
      await end(child, signal);
    },
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive(child)) return;
  child.kill(signal);
  await once(child, "exit");
}
