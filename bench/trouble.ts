import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { createApp } from "../src/app.ts";
import { configSchema } from "../src/config/schema.ts";
import { quoteIdentifier, quoteLiteral } from "../src/postgres/quote.ts";
import { openOneSession } from "./hand-written.ts";
import { formatMs, markdownTable } from "./markdown.ts";
import { quantile } from "./statistics.ts";
import { createTestbed } from "./testbed.ts";

const TENANTS = 80;
/** Longer than the long panel takes: who is late is not to be measured there. */
const TENANT_DEADLINE_MS = 12_000;
const RUNS = 20;
const CLIENTS_AT_ONCE = 20;
const QUICK = "SELECT count(*) AS n FROM $<tenant>_entities";
const LONG = "SELECT count(*) AS n, pg_sleep(10)::text AS waited FROM $<tenant:tenant_2>_entities";

/** What one tenant, or one panel, costs the others: over HTTP, 80 tenants on loopback, without the cache. */
export async function measureTrouble(progress: (text: string) => void): Promise<string> {
  const settings = {
    cache: { ttl: "0s" },
    guard: { allowFunctions: ["pg_sleep"] },
    limits: { tenantDeadline: `${TENANT_DEADLINE_MS}ms`, deadline: "30s" },
  };
  const testbed = await createTestbed({ tenants: TENANTS, delayMs: 0, settings, progress });
  const app = await createApp({ config: configSchema.parse(testbed.settings), logLevel: "silent" });
  const silent = await createSilentServer();
  try {
    const url = await app.listen();
    const ask = async (sql: string): Promise<{ readonly ms: number; readonly answered: number }> => {
      const startedAtMs = performance.now();
      const answer = await fetch(`${url}/v1/query`, { method: "POST", body: JSON.stringify({ sql }) });
      await answer.arrayBuffer();
      return { ms: performance.now() - startedAtMs, answered: Number(answer.headers.get("x-tenants-answered")) };
    };
    const askOften = async (): Promise<Asked> => {
      const ms: number[] = [];
      let answered = TENANTS;
      for (let run = 0; run < RUNS; run += 1) {
        const one = await ask(QUICK);
        ms.push(one.ms);
        answered = Math.min(answered, one.answered);
      }
      return { ms, answered };
    };
    await askOften();

    progress("a panel that takes 10 s");
    const alone = await askOften();
    const long = ask(LONG);
    await sleep(500);
    const beside = await askOften();
    if ((await long).answered !== 1) throw new Error("the panel that takes long was not answered");
    const together = await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, () => ask(QUICK)));
    const connections = await mostConnections(testbed.adminUrl, testbed.tenants);

    progress("a tenant that is silent");
    const healthy = await askOften();
    await pointTo(testbed.adminUrl, "tenant_1", silent.port);
    const first = await ask(QUICK);
    const second = await ask(QUICK);
    const later = await askOften();
    const rows = [
      rowOf("all tenants well", healthy),
      ["one is silent: the first request", formatMs(first.ms), "", String(first.answered)],
      ["the second", formatMs(second.ms), "", String(second.answered)],
      rowOf("the 20 after it", later),
      rowOf("alone", alone),
      rowOf("beside a panel that takes 10 s", beside),
    ];
    const slowest = Math.max(...together.map(({ ms }) => ms));
    return [
      markdownTable(
        [
          { name: "over HTTP, 80 tenants", align: "left" },
          { name: "median", align: "right" },
          { name: "95 %", align: "right" },
          { name: "answered", align: "right" },
        ],
        rows,
      ),
      `\`limits.tenantDeadline\` is ${TENANT_DEADLINE_MS / 1000} s here. ${together.length} clients at once were answered within ${formatMs(slowest)}, and no tenant had more than ${connections} connections.`,
    ].join("\n\n");
  } finally {
    await app.close(0);
    await silent.close();
    await testbed.close();
  }
}

/** Milliseconds of each request, and the fewest tenants that one of them had. */
interface Asked {
  readonly ms: readonly number[];
  readonly answered: number;
}

function rowOf(name: string, { ms, answered }: Asked): readonly string[] {
  return [name, formatMs(quantile(ms, 0.5)), formatMs(quantile(ms, 0.95)), String(answered)];
}

const counted = z.array(z.object({ n: z.coerce.number() }));

async function mostConnections(adminUrl: string, tenants: readonly { readonly url: string }[]): Promise<number> {
  const names = tenants.map(({ url }) => quoteLiteral(decodeURIComponent(new URL(url).pathname.slice(1))));
  const database = openOneSession(adminUrl);
  try {
    const rows = await database.query(
      `SELECT count(*) AS n FROM pg_stat_activity WHERE datname IN (${names.join(", ")}) AND application_name LIKE 'tenantry/%' GROUP BY datname ORDER BY 1 DESC LIMIT 1`,
    );
    return counted.parse(rows)[0]?.n ?? 0;
  } finally {
    await database.close();
  }
}

/** Has the federation database look for a tenant at another port, and end the connections that it has. */
async function pointTo(adminUrl: string, tenant: string, port: number): Promise<void> {
  const database = openOneSession(adminUrl);
  try {
    const [row] = await database.query(
      `SELECT srvname FROM pg_foreign_server WHERE ${quoteLiteral(`application_name=tenantry/${tenant}`)} = ANY (srvoptions)`,
    );
    await database.query(
      `ALTER SERVER ${quoteIdentifier(String(row?.srvname))} OPTIONS (SET port ${quoteLiteral(String(port))})`,
    );
  } finally {
    await database.close();
  }
}

const address = z.object({ port: z.number() });

/** Accepts, and says nothing. */
async function createSilentServer(): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: address.parse(server.address()).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
