import { once } from "node:events";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "../../src/demo/free-port.ts";
import { findUnprivilegedUser } from "../../src/demo/unprivileged-user.ts";
import { startWatched, type WatchedProcess, type WatchedProcessOptions } from "./watched-process.ts";

const PROGRAM = process.env.TEST_PGBOUNCER ?? "/usr/sbin/pgbouncer";
const INSTALL = "install Debian's package (apt-get install pgbouncer), or set TEST_PGBOUNCER to the program";

/** A PgBouncer of our own in front of one PostgreSQL server, on a free port of 127.0.0.1. */
export interface Pgbouncer {
  /** `url` by way of the bouncer. */
  readonly through: (url: string) => string;
  /** Ends it by a signal: SIGKILL is a crash, SIGTERM a shutdown. */
  readonly stop: (signal: "SIGKILL" | "SIGTERM") => Promise<void>;
  /** Starts it again on the same port. */
  readonly start: () => Promise<void>;
  /** Ends it and removes its folder. */
  readonly close: () => Promise<void>;
}

/** Who may log in at the bouncer, which logs in at the server with the same words. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface PgbouncerOptions {
  /** Any database of the server. */
  readonly targetUrl: string;
  readonly poolMode: "session" | "transaction";
  readonly logins: readonly Login[];
  /** PgBouncer's own settings, over its defaults. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

const START_TIMEOUT_MS = 10_000;

/**
 * Starts Debian's PgBouncer; it refuses to run as root, and runs as `postgres` or `nobody` then. Rejects with a sentence that
 * says how to get it when it is missing.
 */
export async function createPgbouncer(options: PgbouncerOptions): Promise<Pgbouncer> {
  const port = await findFreePort();
  const user = await findUnprivilegedUser();
  const folder = await mkdtemp(path.join(tmpdir(), "tenantry-pgbouncer-"));
  let running: WatchedProcess | null = null;
  const start = async (): Promise<void> => {
    running = await launch(port, { folder, user });
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    await running?.stop(signal);
    running = null;
  };
  const close = async (): Promise<void> => {
    await stop("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeSettings(port, options, { folder, user });
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    through: (url) => Object.assign(new URL(url), { hostname: "127.0.0.1", port: String(port) }).href,
    stop,
    start,
    close,
  };
}

async function launch(port: number, where: WatchedProcessOptions): Promise<WatchedProcess> {
  const started = await startWatched(PROGRAM, [settingsFile(where.folder)], where).catch((cause: unknown) => {
    throw new Error(`PgBouncer cannot be run from ${PROGRAM}: ${INSTALL}`, { cause });
  });
  for (const untilMs = Date.now() + START_TIMEOUT_MS; started.alive() && Date.now() < untilMs; await sleep(10))
    if (await isOpen(port)) return started;
  await started.stop("SIGKILL");
  throw new Error(`PgBouncer did not start: ${started.said()}`);
}

async function writeSettings(
  port: number,
  { targetUrl, poolMode, logins, settings }: PgbouncerOptions,
  { folder, user }: WatchedProcessOptions,
): Promise<void> {
  const target = new URL(targetUrl);
  const users = path.join(folder, "users.txt");
  const own = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: users,
    pool_mode: poolMode,
    ...settings,
  };
  const lines = [
    "[databases]",
    `* = host=${target.hostname} port=${target.port || "5432"}`,
    "[pgbouncer]",
    ...Object.entries(own).map(([name, value]) => `${name} = ${value}`),
  ];
  await writeFile(settingsFile(folder), lines.join("\n"));
  await writeFile(users, logins.map((login) => `"${login.user}" "${login.password}"\n`).join(""), { mode: 0o600 });
  if (user !== undefined) await chown(users, user.uid, user.gid);
  // Searchable by whom it runs as.
  await chmod(folder, 0o711);
}

function settingsFile(folder: string): string {
  return path.join(folder, "pgbouncer.ini");
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
