import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { isPeer, type MissingPeer, type OpenPeer, type Peer } from "./peer.ts";
import { QUESTIONS, type Question, TOTALS } from "./questions.ts";

const WARM_RUNS_OF_SLOW_WAYS = 2;
/** Closing what a question opened goes on after its answer; the next way is not to pay for it. */
const REST_MS = 150;

/** How often each way is asked. */
export interface FanoutRuns {
  readonly coldRuns: number;
  readonly warmRuns: number;
}

/** Milliseconds of every run of one peer. */
export interface PeerTimes {
  readonly name: string;
  readonly cold: number[];
  readonly warm: ReadonlyMap<Question, number[]>;
  readonly stages: Map<string, number[]>;
}

/** True for a way that was measured. */
export function isMeasured(row: PeerTimes | MissingPeer): row is PeerTimes {
  return "warm" in row;
}

/** Asks all peers side by side; those that are missing stay where they are. Rejects when two peers give other rows. */
export async function measurePeers(
  peers: readonly (Peer | MissingPeer)[],
  { coldRuns, warmRuns }: FanoutRuns,
  progress: (text: string) => void,
): Promise<readonly (PeerTimes | MissingPeer)[]> {
  const measured = peers.filter(isPeer);
  const times = new Map(measured.map((peer) => [peer, noTimes(peer)]));
  const open = new Map<Peer, OpenPeer>();
  const closeAll = async (): Promise<void> => {
    const opened = [...open.values()];
    open.clear();
    await Promise.all(opened.map((peer) => peer.close()));
  };
  try {
    for (let run = 1; run <= coldRuns; run++) {
      progress(`cold, run ${run} of ${coldRuns}`);
      await closeAll();
      for (const peer of measured) open.set(peer, await peer.open());
      await askAll(open, TOTALS, (peer, ms) => times.get(peer)?.cold.push(ms));
    }
    const quick = new Map([...open].filter(([{ slow }]) => slow !== true));
    for (const question of QUESTIONS) {
      // What a session learns by its first question of a kind (plans of the catalog, parsers) is not to be measured. It is nothing beside seconds.
      await askAll(quick, question, () => undefined);
      for (let run = 1; run <= warmRuns; run++) {
        progress(`warm, ${question.name}, run ${run} of ${warmRuns}`);
        await askAll(run <= WARM_RUNS_OF_SLOW_WAYS ? open : quick, question, (peer, ms) => {
          times.get(peer)?.warm.get(question)?.push(ms);
          for (const [stage, stageMs] of open.get(peer)?.stages?.() ?? []) {
            const known = times.get(peer)?.stages;
            known?.set(stage, [...(known.get(stage) ?? []), stageMs]);
          }
        });
      }
    }
    return peers.map((peer) => (isPeer(peer) ? (times.get(peer) ?? noTimes(peer)) : peer));
  } finally {
    await closeAll();
  }
}

function noTimes({ name }: Peer): PeerTimes {
  return { name, cold: [], warm: new Map(QUESTIONS.map((question) => [question, []])), stages: new Map() };
}

/** Asks the peers in turn, so that a noisy moment of the machine hits all of them, and compares what they answer. */
async function askAll(
  peers: ReadonlyMap<Peer, OpenPeer>,
  question: Question,
  report: (peer: Peer, ms: number) => void,
): Promise<void> {
  const outcomes = new Map<string, string>();
  for (const [peer, open] of peers) {
    await sleep(REST_MS);
    const started = performance.now();
    const rows = await open.ask(question);
    report(peer, performance.now() - started);
    outcomes.set(peer.name, outcomeOf(rows));
  }
  if (new Set(outcomes.values()).size > 1) {
    const all = [...outcomes].map(([name, outcome]) => `${name}: ${outcome}`).join(" / ");
    throw new Error(`the peers disagree on ${question.name}: ${all}`);
  }
}

const counted = z.array(z.object({ n: z.coerce.number().int() }));

function outcomeOf(rows: readonly unknown[]): string {
  const total = counted.parse(rows).reduce((sum, { n }) => sum + n, 0);
  return `${rows.length} rows, ${total} entities`;
}
