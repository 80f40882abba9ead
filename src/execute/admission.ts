import { AppError } from "../errors.ts";
import { within } from "./deadline.ts";
import { createTurns } from "./turns.ts";

/** Lets so many questions reach the databases at once. Answers from the cache need no turn. */
export interface Admission {
  /**
   * Resolves with the turn's end, to be called once. Callers have their turns by rotation. Rejects with OVERLOADED when the queue is full and no other
   * caller has more waiting than this one, or when the turn does not come within `deadlineMs`, and with the signal's reason when that aborts first.
   */
  admit(caller: string, deadlineMs: number, signal: AbortSignal): Promise<() => void>;
}

// A turn that comes later than this before the deadline could only be used for giving up.
const RESERVE_MS = 50;

/** At most `concurrency` turns at once, and `queue` waiting. A caller that fills the queue loses places in it to others that have fewer. */
export function createAdmission(limits: { readonly concurrency: number; readonly queue: number }): Admission {
  const turns = createTurns(limits.concurrency);
  const overloaded = (): AppError =>
    new AppError(
      "OVERLOADED",
      `${limits.concurrency} requests are running and ${Math.max(0, turns.load() - limits.concurrency)} waiting`,
      { hint: "limits.concurrency and limits.queue set the limits", retryAfterSeconds: 1 },
    );
  return {
    async admit(caller, deadlineMs, signal) {
      const isFull = turns.load() >= limits.concurrency + limits.queue;
      if (isFull && !turns.displace(caller, overloaded())) throw overloaded();
      return within(deadlineMs - RESERVE_MS, { signals: [signal], late: overloaded }, (stop) =>
        turns.take(stop, caller),
      );
    },
  };
}
