import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../errors.ts";
import type { UserIds } from "./unprivileged-user.ts";

/** Where a program of PostgreSQL runs: its output goes to a log in `folder`; without `user` it runs as ourselves. */
export interface Surroundings {
  readonly folder: string;
  readonly user: UserIds | undefined;
}

/** Starts a program of PostgreSQL. One that cannot be started at all has no `pid`. */
export async function launch(program: string, args: readonly string[], where: Surroundings): Promise<ChildProcess> {
  const log = await open(logFile(where.folder), "a");
  try {
    // A bare environment, so that no PGDATA, PGPORT or locale of the user's reaches the server. Detached, so that a
    // terminal's Ctrl-C reaches us alone, and we can stop the server in order.
    const child = spawn(program, [...args], {
      ...where.user,
      cwd: "/",
      detached: true,
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", log.fd, log.fd],
    });
    child.once("error", () => undefined);
    return child;
  } finally {
    await log.close();
  }
}

export function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Waits for the end and promises the exit code: null when a signal ended it, or when it never started. */
export async function waitForExit(child: ChildProcess): Promise<number | null> {
  if (isAlive(child)) {
    child.ref();
    await once(child, "exit");
  }
  return child.exitCode;
}

/** What PostgreSQL said so far. */
export async function readLog(folder: string): Promise<string> {
  return readFile(logFile(folder), "utf8").catch(() => "");
}

/** An error with the last thing that the program said, which names the cause. */
export async function startFailure(program: string, folder: string): Promise<AppError> {
  const lastLine = (await readLog(folder)).trim().split("\n").at(-1);
  return new AppError(
    "INTERNAL",
    `the embedded PostgreSQL did not start: ${program}: ${lastLine || "it said nothing"}`,
  );
}

function logFile(folder: string): string {
  return path.join(folder, "postgres.log");
}
