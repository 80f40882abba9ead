import { execFile } from "node:child_process";

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, createCluster } from "../../src/demo/cluster.ts";
import { quoteLiteral } from "../../src/postgres/quote.ts";
import { withSql } from "../support/postgres.ts";
import { runProgram, startProgram } from "../support/program.ts";

// A million rows through the built program: it must not need the memory for them.

const TENANTS = ["t0", "t1", "t2", "t3"] as const;
const ROWS_EACH = 250_000;
const ROWS = ROWS_EACH * TENANTS.length;
const QUERY = "SELECT id, at, name, value FROM $<tenant>_readings";
const MOST_MIB = 200;
const NEWLINE = 10;

let cluster: Cluster;
let folder: string;
let config: string;

const run = (database: string, sql: string): Promise<unknown> =>
  withSql(cluster.superuserUrl(database), (client) => client.query(sql));

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "tenantry-stream-test-"));
  cluster = await createCluster({ name: "stream" });
  const superuser = new URL(cluster.superuserUrl("hub"));
  const option = (text: string | number): string => quoteLiteral(String(text));
  for (const database of ["data", "hub"]) await run("postgres", `CREATE DATABASE ${database}`);
  await run(
    "data",
    `CREATE TABLE readings AS SELECT n::bigint AS id, timestamptz '2026-01-01Z' + n * interval '1.5 s' AS at, 'sensor ' || n % 1000 AS name, n / 7.0::float8 AS value
      FROM generate_series(1, ${ROWS_EACH}) AS n`,
  );
  await run(
    "hub",
    `CREATE EXTENSION postgres_fdw; ${TENANTS.map(
      (tenant) => `CREATE SERVER ${tenant}_fdw_target FOREIGN DATA WRAPPER postgres_fdw
          OPTIONS (host ${option(cluster.host)}, port ${option(cluster.port)}, dbname 'data', fetch_size '10000');
        CREATE USER MAPPING FOR ${superuser.username} SERVER ${tenant}_fdw_target
          OPTIONS (user ${option(superuser.username)}, password ${option(superuser.password)});
        CREATE FOREIGN TABLE ${tenant}_readings (id bigint, at timestamptz, name text, value float8)
          SERVER ${tenant}_fdw_target OPTIONS (table_name 'readings');`,
    ).join("\n")}`,
  );
  config = path.join(folder, "tenantry.yaml");
  await writeFile(config, `federation: { url: "${superuser.href}" }\n`);
}, 120_000);

afterAll(async () => {
  await cluster?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const ps = promisify(execFile);

/** Watches the resident memory of a process, in MiB, until `work` ends. */
async function mostMemory(pid: number, work: () => Promise<void>): Promise<number> {
  let most = 0;
  let over = false;
  const watching = (async () => {
    while (!over) {
      const { stdout } = await ps("ps", ["-o", "rss=", "-p", String(pid)]);
      most = Math.max(most, Number(stdout) / 1024);
      await sleep(50);
    }
  })();
  await work().finally(() => {
    over = true;
  });
  await watching;
  return most;
}

test("a million rows of five columns pass within 200 MiB, time after time", async () => {
  const server = startProgram(["serve", "--config", config, "--port", "0"]);
  try {
    const line = await server.line((text) => /http:\/\/127\.0\.0\.1:\d+/.test(text));
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
    const most = await mostMemory(server.pid, async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        const response = await fetch(`${url}/v1/query`, {
          method: "POST",
          headers: { "accept-encoding": "identity" },
          body: JSON.stringify({ sql: QUERY, format: "ndjson" }),
        });
        expect(response.status).toBe(200);
        let lines = 0;
        let end = "";
        for await (const chunk of response.body ?? []) {
          for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
          end = Buffer.concat([Buffer.from(end), chunk])
            .subarray(-200)
            .toString();
        }
        expect(lines).toBe(ROWS + 1);
        expect(end).toContain('{"coverage":{"expected":4,"answered":4,"failed":[],"truncated":false}}\n');
      }
    });
    expect(most).toBeLessThan(MOST_MIB);
  } finally {
    await server.close();
  }
}, 120_000);

test("the command line streams as well, and says how many tenants answered", async () => {
  const args = ["query", "--config", config, "--sql", `${QUERY} WHERE id <= 1000`, "--format", "ndjson"];
  const { code, stdout, stderr } = await runProgram(args);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(4_001);
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ coverage: { answered: 4 } });
  expect(stderr).toContain("4 of 4 tenants answered");
});
