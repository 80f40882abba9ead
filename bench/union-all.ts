import { performance } from "node:perf_hooks";
import { quoteLiteral, quoteQualified } from "../src/postgres/quote.ts";
import { createHandWrittenTables, type HandWrittenTables, openOneSession } from "./hand-written.ts";
import { formatMs } from "./markdown.ts";
import type { MissingPeer, Peer } from "./peer.ts";
import { type Question, TOTALS } from "./questions.ts";
import type { Testbed } from "./testbed.ts";

/** One statement on one session, over foreign servers without options. */
export const PLAIN = "one UNION ALL, written by hand";

const WITH_OPTIONS = { async_capable: "true", parallel_commit: "true" };

/** What people do who want to write the tenants' names once; PostgreSQL fetches every row of it and counts them itself. */
export const VIEW = "a view of all rows, by hand";

/**
 * The statement as people write it, over servers without options and over servers with those that help, and a view over the latter. Creates the
 * foreign tables.
 */
export async function createUnionAlls(testbed: Testbed): Promise<readonly Peer[]> {
  const plain = await createTables(testbed, { schema: "by_hand", serverOptions: {} });
  const async = await createTables(testbed, { schema: "by_hand_async", serverOptions: WITH_OPTIONS });
  return [
    onOneSession(PLAIN, testbed, (question) => unionAll(question, testbed, plain)),
    onOneSession("the same, async_capable and parallel_commit", testbed, (question) =>
      unionAll(question, testbed, async),
    ),
    onOneSession(VIEW, testbed, await createView(testbed, async)),
  ];
}

/** For a fleet that one session may not have descriptors for: asks it, and gives what PostgreSQL says when it refuses. */
export async function tryUnionAll(testbed: Testbed): Promise<Peer | MissingPeer> {
  const tables = await createTables(testbed, { schema: "by_hand", serverOptions: {} });
  const peer = onOneSession(PLAIN, testbed, (question) => unionAll(question, testbed, tables));
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

interface Tables extends HandWrittenTables {
  readonly schema: string;
}

async function createTables(
  testbed: Testbed,
  options: { readonly schema: string; readonly serverOptions: Readonly<Record<string, string>> },
): Promise<Tables> {
  // Several testbeds may follow each other on one fleet.
  const schema = `${options.schema}_${testbed.delayMs}ms`;
  return { schema, ...(await createHandWrittenTables(testbed, { ...options, schema })) };
}

/** One arm for each tenant; `select` makes it of its table and what stands first in its select list. */
function unionOf({ tenants }: Testbed, { tableOf }: Tables, select: Question["select"]): string {
  return tenants.map(({ name }) => select(tableOf(name), `${quoteLiteral(name)} AS tenant, `)).join("\nUNION ALL\n");
}

function unionAll({ select }: Question, testbed: Testbed, tables: Tables): string {
  return unionOf(testbed, tables, select);
}

/** Creates the view, and gives the question to it. */
async function createView(testbed: Testbed, tables: Tables): Promise<(question: Question) => string> {
  const view = quoteQualified(tables.schema, "all_entities");
  const rows = unionOf(testbed, tables, (table, selected) => `SELECT ${selected}kind, last_updated FROM ${table}`);
  const database = openOneSession(testbed.adminUrl);
  try {
    await database.query(`CREATE VIEW ${view} AS ${rows}`);
  } finally {
    await database.close();
  }
  return ({ ofView }) => ofView(view);
}

function onOneSession(name: string, testbed: Testbed, sqlOf: (question: Question) => string): Peer {
  return {
    name,
    slow: testbed.delayMs > 0,
    open: async () => {
      const session = openOneSession(testbed.adminUrl);
      return { ask: (question) => session.query(sqlOf(question)), close: () => session.close() };
    },
  };
}
