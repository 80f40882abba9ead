import type { Stage } from "../src/types.ts";
import type { Question } from "./questions.ts";

/** One way to ask all tenants. */
export interface Peer {
  readonly name: string;
  /** True for a way that takes seconds: it is asked less often. */
  readonly slow?: boolean;
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

/** A way that cannot be measured, and why: a row of the table all the same. */
export interface MissingPeer {
  readonly name: string;
  readonly because: string;
}

/** True for a way that can be measured. */
export function isPeer(peer: Peer | MissingPeer): peer is Peer {
  return "open" in peer;
}
