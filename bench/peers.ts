import { createApp } from "../src/app.ts";
import { OPERATOR } from "../src/cli/with-app.ts";
import { configSchema } from "../src/config/schema.ts";
import { buildRequest } from "../src/protocols/build-request.ts";
import type { Stage } from "../src/types.ts";
import { startTenantry } from "./child.ts";
import { openOneSession } from "./hand-written.ts";
import { formatMs } from "./markdown.ts";
import type { MissingPeer, OpenPeer, Peer } from "./peer.ts";
import type { PlProxy } from "./pl-proxy.ts";
import type { Testbed } from "./testbed.ts";
import { createUnionAlls, PLAIN, tryUnionAll } from "./union-all.ts";

/** Tenantry as its users reach it. */
export const OVER_HTTP = "Tenantry over HTTP";

/** The limit of what any federation can reach. */
export const DIRECT = "direct, one connection each";

export interface PeersOptions {
  readonly plProxy: PlProxy;
}

/** A statement by hand takes about five round trips for each tenant, one after the other. */
const TRIPS_BY_HAND = 5;
/** A way whose every question takes longer is left out. */
const LONGEST_MS = 15_000;
/** One session has descriptors for so many foreign connections: more are tried, to see what PostgreSQL says, where that is soon. */
const MOST_CONNECTIONS = 322;

/** The ways of the fan-out benchmark; creates the foreign tables and functions that they need. */
export async function createPeers(
  testbed: Testbed,
  { plProxy }: PeersOptions,
): Promise<readonly (Peer | MissingPeer)[]> {
  return [
    ...(await waysByHand(testbed)),
    { name: "Tenantry, in process", open: () => openService(testbed) },
    { name: OVER_HTTP, open: () => openHttp(testbed) },
    await plProxy.peer(testbed),
    { name: DIRECT, open: async () => openDirect(testbed) },
  ];
}

async function waysByHand(testbed: Testbed): Promise<readonly (Peer | MissingPeer)[]> {
  const { tenants, delayMs } = testbed;
  const wouldTakeMs = TRIPS_BY_HAND * 2 * delayMs * tenants.length;
  if (wouldTakeMs >= LONGEST_MS) {
    return [{ name: PLAIN, because: `left out: ${formatMs(wouldTakeMs)} for each question` }];
  }
  return tenants.length > MOST_CONNECTIONS ? [await tryUnionAll(testbed)] : createUnionAlls(testbed);
}

async function openService({ settings }: Testbed): Promise<OpenPeer> {
  const config = configSchema.parse(settings);
  const app = await createApp({ config, logLevel: "silent" });
  // Lanes are fitted to the fleet, and connected, before it listens.
  await app.listen();
  let timings: ReadonlyMap<Stage, number> = new Map();
  return {
    ask: async ({ select }) => {
      const request = buildRequest({ sql: select("$<tenant>_entities", "") }, { config, nowMs: Date.now() });
      const answer = await app.service.run(request, OPERATOR, new AbortController().signal);
      timings = answer.timings;
      return rowsOf(JSON.parse(answer.body.toString()));
    },
    stages: () => timings,
    close: () => app.close(0),
  };
}

async function openHttp({ settings }: Testbed): Promise<OpenPeer> {
  const server = await startTenantry(settings);
  return {
    ask: async ({ select }) => {
      const body = JSON.stringify({ sql: select("$<tenant>_entities", "") });
      const response = await fetch(`http://127.0.0.1:${server.port}/v1/query`, { method: "POST", body });
      const answer: unknown = await response.json();
      if (!response.ok) throw new Error(JSON.stringify(answer));
      return rowsOf(answer);
    },
    close: () => server.close(),
  };
}

/** What no federation can beat: every tenant asked at once, without anything between. */
function openDirect({ tenants }: Testbed): OpenPeer {
  const sessions = tenants.map(({ url }) => openOneSession(url));
  return {
    ask: async ({ select }) => {
      const answers = await Promise.all(sessions.map((session) => session.query(select("entities", ""))));
      return answers.flat();
    },
    close: async () => {
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}

function rowsOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw new TypeError("an answer in the format rows is an array");
  return answer;
}
