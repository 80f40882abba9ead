import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const FOLDER_NAME = /^tenantry-[a-z0-9]+-(?<pid>\d+)-(?<start>\d+)-\w+$/;

/** Seconds times ten that a stale server gets to stop before it is killed. */
const STOP_TRIES = 50;

/**
 * Makes an empty folder under the system's temporary one and promises its path. The name tells which process it
 * belongs to, so that a later process knows at once whether it is still in use.
 */
export async function createClusterFolder(name: string): Promise<string> {
  const start = (await startTime(process.pid)) ?? "0";
  const folder = await mkdtemp(path.join(tmpdir(), `tenantry-${name}-${process.pid}-${start}-`));
  // Searchable by the user that PostgreSQL runs as; the data inside stays closed.
  await chmod(folder, 0o711);
  return folder;
}

/** Stops the servers and removes the folders that processes of ours left behind when they were killed. */
export async function removeStaleClusters(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = FOLDER_NAME.exec(name)?.groups;
    if (owner?.pid === undefined || owner.start === undefined) continue;
    const folder = path.join(tmpdir(), name);
    if ((await isOurs(folder)) && !(await isRunning(Number(owner.pid), owner.start))) await removeCluster(folder);
  }
}

/** Where a cluster's data are, inside its folder. */
export function dataFolder(folder: string): string {
  return path.join(folder, "data");
}

/** The lines of `postmaster.pid`, empty while no server runs: the first is its process, the eighth its state. */
export async function readPostmaster(folder: string): Promise<readonly string[]> {
  const text = await readFile(path.join(dataFolder(folder), "postmaster.pid"), "utf8").catch(() => "");
  return text === "" ? [] : text.split("\n").map((line) => line.trim());
}

async function removeCluster(folder: string): Promise<void> {
  for (let attempt = 0; attempt <= STOP_TRIES; attempt++) {
    const pid = Number((await readPostmaster(folder))[0]);
    if (!(pid > 0) || !(await worksIn(pid, dataFolder(folder)))) break;
    signal(pid, attempt === STOP_TRIES ? "SIGKILL" : "SIGQUIT");
    await sleep(100);
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** A folder of another user is none of ours, whatever its name says. */
async function isOurs(folder: string): Promise<boolean> {
  const uid = process.getuid?.();
  const owner = await stat(folder).then(
    (found) => found.uid,
    () => -1,
  );
  return owner !== -1 && (uid === undefined || owner === uid);
}

/** The start time tells a process from a later one that got the same number. */
async function isRunning(pid: number, start: string): Promise<boolean> {
  return signal(pid, 0) && ((await startTime(pid)) ?? start) === start;
}

/** Ticks from boot to the start of a process; undefined where the system does not tell (anywhere but Linux). */
async function startTime(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the program's name in parentheses, and may hold spaces; the start time is the 22nd field.
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

/** PostgreSQL works in its data folder: a process that does not is another one with the number of a dead server. */
async function worksIn(pid: number, folder: string): Promise<boolean> {
  if (process.platform !== "linux") return signal(pid, 0);
  return (await readlink(`/proc/${pid}/cwd`).catch(() => "")) === folder;
}

/** True when the process exists, even where we may not signal it. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
