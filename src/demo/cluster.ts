import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClusterFolder, dataFolder, readPostmaster, removeStaleClusters } from "./cluster-folder.ts";
import { findFreePort } from "./free-port.ts";
import { locatePostgres, type PostgresBinaries, sharedBinaries } from "./postgres-binaries.ts";
import { isAlive, launch, readLog, type Surroundings, startFailure, waitForExit } from "./server-process.ts";
import { findUnprivilegedUser } from "./unprivileged-user.ts";
import { createWatchdog } from "./watchdog.ts";

/** A PostgreSQL server of our own, listening on 127.0.0.1 only, with data that live as long as it does. */
export interface Cluster {
  readonly host: string;
  readonly port: number;
  /** Connection string of the superuser, with its random password. */
  superuserUrl(database: string): string;
  /** Stops the server and removes its data. May be called more than once. */
  close(): Promise<void>;
}

export interface ClusterOptions {
  /** Part of the data folder's name; lower-case letters and digits. */
  readonly name: string;
  /** A free port below 32768 when absent. */
  readonly port?: number;
  /** Programs of another PostgreSQL than the embedded one, from 15 on, which every user can run. */
  readonly binaries?: PostgresBinaries;
  /** PostgreSQL's own settings, over the defaults for throw-away data. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told what takes the time. */
  readonly onStep?: (text: string) => void;
}

const HOST = "127.0.0.1";
const START_TIMEOUT_MS = 30_000;
/** Somebody may take the port between our look and PostgreSQL's. */
const PORT_TRIES = 5;

/** The data are thrown away at the end, so nothing is done to make them survive a crash. */
const SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  // A launcher that visits 81 databases every minute costs more than it saves; the writers here leave few dead rows.
  autovacuum_naptime: "10min",
  autovacuum_max_workers: "1",
  listen_addresses: HOST,
  unix_socket_directories: "",
} as const;

/** Passwords are 144 random bits: stretching them would only slow down connecting. */
const SETTINGS_FROM_16 = { scram_iterations: "1" } as const;

const INITDB_FLAGS_FROM_17 = [
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  ...asFlags({ fsync: "off", ...SETTINGS_FROM_16 }),
];

/**
 * Starts an embedded PostgreSQL in about a second, as root too (it then runs as `postgres` or `nobody`). When our
 * process ends without `close()`, in whatever way, the server stops and its data go too.
 *
 * @throws AppError when PostgreSQL is not installed or does not start.
 */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const { binaries: other } = options;
  const found = other ?? (await locatePostgres());
  const user = await findUnprivilegedUser();
  await removeStaleClusters();
  const folder = await createClusterFolder(options.name);
  const watchdog = createWatchdog(folder);
  const password = randomBytes(18).toString("hex");
  try {
    const binaries = user === undefined || other !== undefined ? found : await sharedBinaries(found, folder);
    options.onStep?.("initialising PostgreSQL");
    await initialise(
      binaries.initdb,
      { password, flags: other === undefined ? INITDB_FLAGS_FROM_17 : [] },
      { folder, user },
    );
    options.onStep?.("starting PostgreSQL");
    const server = await start(binaries.postgres, options, { folder, user });
    return {
      host: HOST,
      port: server.port,
      superuserUrl: (database) =>
        `postgres://postgres:${password}@${HOST}:${server.port}/${encodeURIComponent(database)}`,
      close: async () => {
        await stop(server.child);
        await rm(folder, { recursive: true, force: true });
        await watchdog.close();
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    await watchdog.close();
    throw error;
  }
}

async function initialise(
  initdb: string,
  { password, flags }: { readonly password: string; readonly flags: readonly string[] },
  where: Surroundings,
): Promise<void> {
  const data = dataFolder(where.folder);
  const passwordFile = path.join(where.folder, "password");
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  const { user } = where;
  if (user !== undefined) await Promise.all([data, passwordFile].map((file) => chown(file, user.uid, user.gid)));
  const args = [
    `--pgdata=${data}`,
    "--username=postgres",
    "--auth=scram-sha-256",
    `--pwfile=${passwordFile}`,
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
    ...flags,
  ];
  const code = await waitForExit(await launch(initdb, args, where));
  if (code !== 0) throw await startFailure("initdb", where.folder);
  await rm(passwordFile);
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(postgres: string, options: ClusterOptions, where: Surroundings): Promise<Server> {
  const newest = options.binaries === undefined ? SETTINGS_FROM_16 : {};
  const flags = asFlags({ ...SETTINGS, ...newest, ...options.settings });
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort());
    const child = await launch(postgres, ["-D", dataFolder(where.folder), "-p", String(port), ...flags], where);
    if (await becomesReady(child, where.folder)) {
      // A program that forgets to close ends all the same; the watchdog stops the server then.
      child.unref();
      return { child, port };
    }
    await stop(child);
    const portTaken = (await readLog(where.folder)).includes("could not bind");
    if (options.port !== undefined || !portTaken || attempt === PORT_TRIES) {
      throw await startFailure("postgres", where.folder);
    }
  }
}

/** False when the server ended, or took too long. */
async function becomesReady(child: ChildProcess, folder: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (isAlive(child) && Date.now() < deadline) {
    const lines = await readPostmaster(folder);
    if (lines[0] === String(child.pid) && lines[7] === "ready") return true;
    await sleep(10);
  }
  return false;
}

async function stop(child: ChildProcess): Promise<void> {
  // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, since nobody reads these data again.
  if (isAlive(child)) child.kill("SIGQUIT");
  await waitForExit(child);
}

function asFlags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
