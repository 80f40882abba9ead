import type { Benchmark } from "./benchmark.ts";
import { type Child, startChild, startTenantry } from "./child.ts";
import { loadServer } from "./load.ts";
import { formatCount, formatMs, formatShare, markdownTable } from "./markdown.ts";
import { quantile, spreadOf } from "./statistics.ts";
import { createTestbed } from "./testbed.ts";

const TENANTS = 80;
const CONNECTIONS = 20;
const ROUNDS = 3;
const SECONDS = 3;
const WARM_UP_SECONDS = 1;

/** Rows whose JSON is about 4 KB and about 100 KB long. */
const ANSWERS = [
  { name: "4 KB", rows: 40 },
  { name: "100 KB", rows: 1_000 },
] as const;

interface Server {
  readonly name: string;
  readonly port: number;
  readonly requestsPerSecond: number[];
  readonly p99Ms: number[];
}

/** Cached answers over HTTP, beside the least that Node's HTTP server can do with the same bytes. */
export const http: Benchmark = {
  name: "http",
  run: async (progress) => {
    const settings = { cache: { ttl: "1h" } };
    const testbed = await createTestbed({ tenants: TENANTS, delayMs: 0, settings, progress });
    const children: Child[] = [];
    try {
      const tenantry = await startTenantry(testbed.settings);
      children.push(tenantry);
      const rows: string[][] = [];
      for (const { name, rows: limit } of ANSWERS) {
        const path = pathOf(limit);
        const { body, contentType } = await fetchAnswer(tenantry.port, path);
        const bare = await startChild("bare-process.ts", { body, contentType });
        children.push(bare);
        const servers = [newServer("Tenantry, cached", tenantry.port), newServer("bare node:http", bare.port)];
        await measure(servers, path, (text) => progress(`${name}, ${text}`));
        rows.push(...servers.map((server) => tableRow(`${name} (${formatCount(body.length)} bytes)`, server, servers)));
      }
      return { markdown: asTable(rows), charts: new Map() };
    } finally {
      for (const child of children) await child.close();
      await testbed.close();
    }
  },
};

function newServer(name: string, port: number): Server {
  return { name, port, requestsPerSecond: [], p99Ms: [] };
}

/** The range is fixed: one that moves would be another answer, and so another entry of the cache. */
function pathOf(rows: number): string {
  const sql = `SELECT * FROM (SELECT id, kind, last_updated FROM $<tenant>_entities) AS e ORDER BY id LIMIT ${rows}`;
  const search = new URLSearchParams({ sql, from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z" });
  return `/v1/query?${search}`;
}

async function fetchAnswer(port: number, path: string): Promise<{ body: string; contentType: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  const body = await response.text();
  if (!response.ok) throw new Error(body);
  return { body, contentType: response.headers.get("content-type") ?? "" };
}

async function measure(servers: readonly Server[], path: string, progress: (text: string) => void): Promise<void> {
  for (const { port } of servers) await loadServer({ port, path, connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`round ${round} of ${ROUNDS}`);
    for (const { port, requestsPerSecond, p99Ms } of servers) {
      const result = await loadServer({ port, path, connections: CONNECTIONS, seconds: SECONDS });
      requestsPerSecond.push(result.requestsPerSecond);
      p99Ms.push(quantile(result.latenciesMs, 0.99));
    }
  }
}

function tableRow(answer: string, server: Server, servers: readonly Server[]): string[] {
  const mine = spreadOf(server.requestsPerSecond);
  const best = Math.max(...servers.map(({ requestsPerSecond }) => spreadOf(requestsPerSecond).median));
  return [
    answer,
    server.name,
    formatCount(mine.median),
    `${formatCount(mine.min)} … ${formatCount(mine.max)}`,
    formatShare(mine.median / best),
    formatMs(spreadOf(server.p99Ms).median),
  ];
}

function asTable(rows: readonly (readonly string[])[]): string {
  return markdownTable(
    [
      { name: "answer", align: "left" },
      { name: "server", align: "left" },
      { name: "requests/s", align: "right" },
      { name: "min … max", align: "right" },
      { name: "of bare", align: "right" },
      { name: "p99", align: "right" },
    ],
    rows,
  );
}
