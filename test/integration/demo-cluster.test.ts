import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createCluster } from "../../src/demo/cluster.ts";
import { withSql } from "../support/postgres.ts";

const run = promisify(execFile);

/** The data folder of the cluster that a process started under a name. */
function folderOf(name: string, pid: number): string {
  const found = readdirSync(tmpdir()).find((entry) => entry.startsWith(`tenantry-${name}-${pid}-`));
  expect(found).toBeDefined();
  return path.join(tmpdir(), found ?? "");
}

function postmasterOf(folder: string): number {
  return Number(readFileSync(path.join(folder, "data", "postmaster.pid"), "utf8").split("\n")[0]);
}

/** Processes whose command line mentions the folder: the server and the watchdog. */
async function processesOf(folder: string): Promise<readonly number[]> {
  const { stdout } = await run("ps", ["-axo", "pid=,args="], { maxBuffer: 16 * 1024 * 1024 });
  return stdout
    .split("\n")
    .filter((line) => line.includes(folder))
    .map((line) => Number(line.trim().split(" ")[0]));
}

async function refuses(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const refused = await once(socket, "connect").then(
    () => false,
    () => true,
  );
  socket.destroy();
  return refused;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    expect(Date.now(), "waited too long").toBeLessThan(deadline);
    await sleep(50);
  }
}

interface Abandoned {
  readonly owner: ChildProcess;
  readonly folder: string;
  readonly port: number;
}

/** A cluster in a process of its own, ready to be abandoned. */
async function startElsewhere(): Promise<Abandoned> {
  const script = path.resolve("test/support/abandon-cluster.ts");
  const owner = spawn(process.execPath, ["--import", "tsx", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(owner.stdout, "data");
  return { owner, port: Number(line), folder: folderOf("abandoned", owner.pid ?? 0) };
}

test("a cluster answers with its password only, and close leaves neither process nor folder", async () => {
  const steps: string[] = [];
  const cluster = await createCluster({
    name: "lifecycle",
    settings: { max_connections: "17" },
    onStep: (text) => steps.push(text),
  });
  const folder = folderOf("lifecycle", process.pid);
  expect(steps).toEqual(["initialising PostgreSQL", "starting PostgreSQL"]);
  expect(cluster.port).toBeLessThan(32_768);

  const settings = `SELECT current_setting('max_connections') AS connections, current_setting('listen_addresses') AS listens,
    current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone, lower('Ä') AS lower`;
  const rows = await withSql(cluster.superuserUrl("postgres"), (sql) => sql.query(settings));
  expect(rows).toEqual([{ connections: "17", listens: "127.0.0.1", encoding: "UTF8", zone: "UTC", lower: "ä" }]);

  const guess = new URL(cluster.superuserUrl("postgres"));
  guess.password = "postgres";
  await expect(withSql(guess.href, (sql) => sql.query("SELECT 1"))).rejects.toMatchObject({ code: "28P01" });

  expect(await processesOf(folder)).toHaveLength(2);
  await cluster.close();
  await cluster.close();
  expect(existsSync(folder)).toBe(false);
  expect(await processesOf(folder)).toEqual([]);
  expect(await refuses(cluster.port)).toBe(true);
});

test("a port in use is a clear error, and leaves nothing behind", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  try {
    await expect(createCluster({ name: "collision", port })).rejects.toThrow("the embedded PostgreSQL did not start");
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("tenantry-collision-"))).toEqual([]);
  } finally {
    server.close();
  }
});

test("when its owner is killed, the watchdog stops the server and removes the data", async () => {
  const { owner, folder, port } = await startElsewhere();
  expect(await refuses(port)).toBe(false);
  owner.kill("SIGKILL");
  await until(() => !existsSync(folder));
  await until(async () => (await processesOf(folder)).length === 0);
  expect(await refuses(port)).toBe(true);
});

test("when the watchdog is killed too, the next start cleans up, and spares clusters in use", async () => {
  const inUse = await createCluster({ name: "bystander" });
  try {
    const { owner, folder, port } = await startElsewhere();
    const server = postmasterOf(folder);
    for (const pid of await processesOf(folder)) if (pid !== server) process.kill(pid, "SIGKILL");
    const gone = once(owner, "exit");
    owner.kill("SIGKILL");
    await gone;
    await sleep(300);
    expect(existsSync(folder)).toBe(true);
    expect(await refuses(port)).toBe(false);

    const next = await createCluster({ name: "next" });
    await next.close();
    expect(existsSync(folder)).toBe(false);
    expect(await refuses(port)).toBe(true);
    expect(await withSql(inUse.superuserUrl("postgres"), (sql) => sql.query("SELECT 1 AS one"))).toEqual([{ one: 1 }]);
  } finally {
    await inUse.close();
  }
});
