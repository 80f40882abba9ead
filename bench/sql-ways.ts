import { performance } from "node:perf_hooks";
import { z } from "zod";
import { createApp } from "../src/app.ts";
import { OPERATOR } from "../src/cli/with-app.ts";
import { configSchema } from "../src/config/schema.ts";
import { AppError } from "../src/errors.ts";
import { buildRequest } from "../src/protocols/build-request.ts";
import { createHandWrittenTables, openOneSession } from "./hand-written.ts";
import { READINGS } from "./readings.ts";
import { handWritten, type SqlQuestion, type SqlWay, templateOf } from "./sql-questions.ts";
import type { Testbed } from "./testbed.ts";

/** What one way gave. */
export interface WayTimes {
  readonly way: SqlWay;
  /** Milliseconds by round; ways that drag rows have fewer. */
  readonly ms: number[];
  /** Tenantry's error when it refused the question. */
  refusal: string | null;
}

const ROUNDS = 9;
const ROUNDS_OF_DRAGGING = 2;

/** Asks every question in all of its ways in turn, and compares what they answer. Rejects when two ways give other rows. */
export async function measureQuestions(
  testbed: Testbed,
  questions: readonly SqlQuestion[],
  progress: (text: string) => void,
): Promise<ReadonlyMap<SqlQuestion, readonly WayTimes[]>> {
  const { ask, close } = await openAskers(testbed);
  try {
    const times = new Map<SqlQuestion, readonly WayTimes[]>();
    for (const question of questions) {
      const ways = question.ways.map((way): WayTimes => ({ way, ms: [], refusal: null }));
      // Round 0 is not counted: connections, plans and parsers are made in it.
      for (let round = 0; round <= ROUNDS; round++) {
        progress(`${question.title}, round ${round} of ${ROUNDS}`);
        await askInTurn(question, ways, { round, ask });
      }
      times.set(question, ways);
    }
    return times;
  } finally {
    await close();
  }
}

type Ask = (way: SqlWay) => Promise<readonly unknown[]>;

async function askInTurn(
  question: SqlQuestion,
  ways: readonly WayTimes[],
  { round, ask }: { readonly round: number; readonly ask: Ask },
): Promise<void> {
  const outcomes = new Set<string>();
  for (const times of ways) {
    if (times.way.drags === true && round > ROUNDS_OF_DRAGGING) continue;
    const startedAtMs = performance.now();
    try {
      const rows = await ask(times.way);
      if (round > 0) times.ms.push(performance.now() - startedAtMs);
      outcomes.add(outcomeOf(rows));
    } catch (error) {
      // A refusal is a finding; what PostgreSQL itself refuses is a mistake of this benchmark.
      if (!(error instanceof AppError) || error.code !== "RESULT_TOO_LARGE") throw error;
      if (round > 0) times.ms.push(performance.now() - startedAtMs);
      times.refusal = error.code;
    }
  }
  if (outcomes.size > 1) throw new Error(`the ways disagree on "${question.title}": ${[...outcomes].join(" / ")}`);
}

const rowsSchema = z.array(
  z.strictObject({
    tenant: z.string().optional(),
    bucket: z.union([z.date(), z.coerce.number()]).optional(),
    n: z.coerce.number().optional(),
    amount: z.coerce.number().optional(),
  }),
);

/** All rows in one text: their number, and sums that no other rows give. Sums of money are exact to the cent. */
function outcomeOf(rows: readonly unknown[]): string {
  let [weighted, n, amount] = [0, 0, 0];
  for (const row of rowsSchema.parse(rows)) {
    n += row.n ?? 0;
    amount += Math.round((row.amount ?? 0) * 100);
    weighted += (row.n ?? 1) * (minuteOf(row.bucket) + tenantNumber(row.tenant));
  }
  return `${rows.length} rows, ${n} readings, ${amount} cents, ${weighted}`;
}

/** Minutes since 1970 of a date, of epoch milliseconds, or of epoch seconds as `$__timeGroup` gives them. */
function minuteOf(bucket: Date | number | undefined): number {
  const value = bucket instanceof Date ? bucket.getTime() : (bucket ?? 0);
  return Math.round(value / (value > 1e11 ? 60_000 : 60));
}

function tenantNumber(tenant: string | undefined): number {
  return Number(/\d+$/.exec(tenant ?? "0")?.[0]);
}

/** Tenantry in this process without its cache, and one session for statements over foreign tables without options. */
async function openAskers(testbed: Testbed): Promise<{ readonly ask: Ask; readonly close: () => Promise<void> }> {
  const { tableOf } = await createHandWrittenTables(testbed, { schema: "by_hand", serverOptions: {}, table: READINGS });
  const tables = testbed.tenants.map(({ name }) => ({ tenant: name, table: tableOf(name) }));
  const config = configSchema.parse(testbed.settings);
  const app = await createApp({ config, logLevel: "silent" });
  const session = openOneSession(testbed.adminUrl);
  const close = async (): Promise<void> => {
    await session.close();
    await app.close(0);
  };
  try {
    await app.refreshCatalog();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ask: async (way) => {
      if (way.asker === "by hand") return session.query(handWritten(way, tables));
      const request = buildRequest({ sql: templateOf(way) }, { config, nowMs: Date.now() });
      const answer = await app.service.run(request, OPERATOR, new AbortController().signal);
      return z.array(z.unknown()).parse(JSON.parse(answer.body.toString()));
    },
    close,
  };
}
