import { performance } from "node:perf_hooks";
import { quoteLiteral } from "../src/postgres/quote.ts";
import { createHandWrittenTables, openOneSession } from "./hand-written.ts";
import { formatMs } from "./markdown.ts";
import type { MissingPeer, Peer } from "./peer.ts";
import { TOTALS } from "./questions.ts";
import type { Testbed } from "./testbed.ts";

/** One statement on one session, over foreign servers without options. */
export const PLAIN = "one UNION ALL, written by hand";

const WITH_OPTIONS = { async_capable: "true", parallel_commit: "true" };

/** The statement as people write it, over servers without options and over servers with those that help. Creates the foreign tables. */
export async function createUnionAlls(testbed: Testbed): Promise<readonly Peer[]> {
  return [
    await createUnionAll(PLAIN, testbed, { schema: "by_hand", serverOptions: {} }),
    await createUnionAll("the same, async_capable and parallel_commit", testbed, {
      schema: "by_hand_async",
      serverOptions: WITH_OPTIONS,
    }),
  ];
}

/** For a fleet that one session may not have descriptors for: asks it, and gives what PostgreSQL says when it refuses. */
export async function tryUnionAll(testbed: Testbed): Promise<Peer | MissingPeer> {
  const peer = await createUnionAll(PLAIN, testbed, { schema: "by_hand", serverOptions: {} });
  const session = await peer.open();
  const startedAtMs = performance.now();
  try {
    await session.ask(TOTALS);
    return peer;
  } catch (error) {
    const after = formatMs(performance.now() - startedAtMs);
    return {
      name: PLAIN,
      because: `refused after ${after}: ${error instanceof Error ? error.message : String(error)}`,
    };
  } finally {
    await session.close();
  }
}

async function createUnionAll(
  name: string,
  testbed: Testbed,
  options: { readonly schema: string; readonly serverOptions: Readonly<Record<string, string>> },
): Promise<Peer> {
  // Several testbeds may follow each other on one fleet.
  const schema = `${options.schema}_${testbed.delayMs}ms`;
  const { tableOf } = await createHandWrittenTables(testbed, { ...options, schema });
  return {
    name,
    slow: testbed.delayMs > 0,
    open: async () => {
      const session = openOneSession(testbed.adminUrl);
      return {
        ask: ({ select }) =>
          session.query(
            testbed.tenants
              .map((tenant) => select(tableOf(tenant.name), `${quoteLiteral(tenant.name)} AS tenant, `))
              .join("\nUNION ALL\n"),
          ),
        close: () => session.close(),
      };
    },
  };
}
