import { createApp } from "../src/app.ts";
import { OPERATOR } from "../src/cli/with-app.ts";
import { configSchema } from "../src/config/schema.ts";
import { quoteLiteral } from "../src/postgres/quote.ts";
import { buildRequest } from "../src/protocols/build-request.ts";
import type { Stage } from "../src/types.ts";
import { startChild } from "./child.ts";
import { createHandWrittenTables, type HandWrittenTables, openOneSession } from "./hand-written.ts";
import type { Testbed } from "./testbed.ts";

/** The same question for every peer: one `SELECT` for each tenant, with a column `n`. */
export interface Question {
  readonly name: string;
  /** `selected` stands first in the select list and is empty or ends with a comma. */
  readonly select: (table: string, selected: string) => string;
}

/** One way to ask all tenants. */
export interface Peer {
  readonly name: string;
  /** Fresh sessions; whatever is prepared before the first question is not part of the measurement. */
  readonly open: () => Promise<OpenPeer>;
}

export interface OpenPeer {
  /** Asks, and resolves with all rows once the last is there. */
  readonly ask: (question: Question) => Promise<readonly unknown[]>;
  /** What each stage of the last question took, for peers that have stages. */
  readonly stages?: () => ReadonlyMap<Stage, number>;
  readonly close: () => Promise<void>;
}

/** The name of the peer that the others are compared with. */
export const PLAIN = "one UNION ALL, written by hand";
/** Tenantry as its users reach it. */
export const OVER_HTTP = "Tenantry over HTTP";

/** The limit of what any federation can reach. */
export const DIRECT = "direct, one connection each";

/** The peers of the fan-out benchmark; creates the foreign tables that they need. Those written by hand need a minute for 300 tenants far away. */
export async function createPeers(
  testbed: Testbed,
  { byHand }: { readonly byHand: boolean },
): Promise<readonly Peer[]> {
  const ours = [
    { name: "Tenantry, in process", open: () => openService(testbed) },
    { name: OVER_HTTP, open: () => openHttp(testbed) },
    { name: DIRECT, open: async () => openDirect(testbed) },
  ];
  if (!byHand) return ours;
  const plain = await createHandWrittenTables(testbed, { schema: "by_hand", serverOptions: {} });
  const async = await createHandWrittenTables(testbed, {
    schema: "by_hand_async",
    serverOptions: { async_capable: "true", parallel_commit: "true" },
  });
  return [
    unionAll(PLAIN, testbed, plain),
    unionAll("the same, async_capable and parallel_commit", testbed, async),
    ...ours,
  ];
}

function unionAll(name: string, { adminUrl, tenants }: Testbed, { tableOf }: HandWrittenTables): Peer {
  return {
    name,
    open: async () => {
      const session = openOneSession(adminUrl);
      return {
        ask: ({ select }) =>
          session.query(
            tenants
              .map((tenant) => select(tableOf(tenant.name), `${quoteLiteral(tenant.name)} AS tenant, `))
              .join("\nUNION ALL\n"),
          ),
        close: () => session.close(),
      };
    },
  };
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
  const server = await startChild("tenantry-process.ts", settings);
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
