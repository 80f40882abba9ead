import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { type Child, startChild, startTenantry } from "./child.ts";
import { openOneSession } from "./hand-written.ts";
import { formatMs, formatRatio, markdownTable } from "./markdown.ts";
import { quantile } from "./statistics.ts";
import { createTestbed, type Testbed } from "./testbed.ts";

const TENANTS = 10;
const ROWS_EACH = 100_000;
const ROWS = TENANTS * ROWS_EACH;
const RUNS = 5;
const COLUMNS = "id, at, name, value";
const NEWLINE = 10;

/** One way to get all rows over HTTP. */
interface Way {
  readonly name: string;
  readonly server: Child;
  readonly path: string;
  readonly body: string | null;
  readonly ms: number[];
  /** Resident memory before the first question. */
  readonly idleMiB: number;
}

/** A million rows of five columns over HTTP: streamed by Tenantry, and by the program that one writes first. */
export async function measureStream(progress: (text: string) => void): Promise<string> {
  const settings = { cache: { ttl: "0s" } };
  const testbed = await createTestbed({ tenants: TENANTS, delayMs: 0, settings, prepare: fill, progress });
  const servers: Child[] = [];
  try {
    const [ours, theirs] = [
      await startTenantry(testbed.settings),
      await startChild("rows-process.ts", { url: testbed.settings.federation.url, sql: byHand(testbed) }),
    ];
    servers.push(ours, theirs);
    const sql = `SELECT ${COLUMNS} FROM $<tenant>_readings`;
    const ways: readonly Way[] = [
      {
        name: "Tenantry, `format=ndjson`",
        server: ours,
        path: "/v1/query",
        body: JSON.stringify({ sql, format: "ndjson" }),
        ms: [],
        idleMiB: memoryOf(ours, "VmRSS"),
      },
      {
        name: "pg-promise and JSON.stringify",
        server: theirs,
        path: "/",
        body: null,
        ms: [],
        idleMiB: memoryOf(theirs, "VmRSS"),
      },
    ];
    for (let run = 1; run <= RUNS; run += 1) {
      progress(`${ROWS} rows, run ${run} of ${RUNS}`);
      for (const way of ways) {
        const startedAtMs = performance.now();
        await readAll(way);
        way.ms.push(performance.now() - startedAtMs);
      }
    }
    return tableOf(ways);
  } finally {
    for (const server of servers) await server.close();
    await testbed.close();
  }
}

/** Reads the body to its end, and checks that it has all rows. */
async function readAll({ server, path, body }: Way): Promise<void> {
  const asked = body === null ? {} : { method: "POST", body };
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, asked);
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`);
  let bytes = 0;
  let lines = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (body === null) continue;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  }
  if (body !== null && lines !== ROWS + 1) throw new Error(`${lines} lines of ${ROWS + 1}`);
  if (bytes < ROWS * 50) throw new Error(`${bytes} bytes are not ${ROWS} rows`);
}

function tableOf(ways: readonly Way[]): string {
  const peaks = ways.map(({ server }) => memoryOf(server, "VmHWM"));
  const theirs = ways.at(-1);
  const rows = ways.map(({ name, ms, idleMiB }, index) => {
    const median = quantile(ms, 0.5);
    const peak = peaks[index] ?? 0;
    return [
      name,
      formatMs(median),
      formatRatio(median / quantile(theirs?.ms ?? [], 0.5)),
      `${idleMiB} MiB`,
      `${peak} MiB`,
      formatRatio(peak / (peaks.at(-1) ?? 1)),
    ];
  });
  return markdownTable(
    [
      { name: `${ROWS.toLocaleString("en")} rows of 5 columns, ${TENANTS} tenants`, align: "left" },
      { name: "median", align: "right" },
      { name: "ratio", align: "right" },
      { name: "memory before", align: "right" },
      { name: "most", align: "right" },
      { name: "ratio", align: "right" },
    ],
    rows,
  );
}

function byHand({ tenants }: Testbed): string {
  return tenants
    .map(({ name }) => `SELECT ${COLUMNS}, '${name}' AS tenant FROM ${name}_readings`)
    .join("\nUNION ALL\n");
}

async function fill(ownerUrl: string): Promise<void> {
  const database = openOneSession(ownerUrl);
  try {
    await database.query(
      `CREATE TABLE readings AS SELECT n::bigint AS id, timestamptz '2026-01-01Z' + n * interval '1.5 s' AS at, 'sensor ' || n % 1000 AS name, n / 7.0::float8 AS value FROM generate_series(1, ${ROWS_EACH}) AS n`,
    );
    await database.query("GRANT SELECT ON readings TO PUBLIC");
  } finally {
    await database.close();
  }
}

/** Resident memory of the server's process in MiB, now or at most. */
function memoryOf({ pid }: Child, field: "VmRSS" | "VmHWM"): number {
  const kiB = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kiB) / 1024);
}
