import { AppError } from "../errors.ts";
import { within } from "./deadline.ts";
import { createTurns } from "./turns.ts";

/** Lets so many questions reach the databases at once. Answers from the cache need no turn. */
export interface Admission {
  /**
   * Resolves with the turn's end, to be called once. Rejects with OVERLOADED when the queue is full, or when the turn does not
   * come within `deadlineMs`, and with the signal's reason when that aborts first.
   */
  admit(deadlineMs: number, signal: AbortSignal): Promise<() => void>;
}

// A turn that comes later than this before the deadline could only be used for giving up.
const RESERVE_MS = 50;

/** At most `concurrency` turns at once, and `queue` waiting, first come, first served. */
export function createAdmission(limits: { readonly concurrency: number; readonly queue: number }): Admission {
  const turns = createTurns(limits.concurrency);
  const overloaded = (): AppError =>
    new AppError(
      "OVERLOADED",
      `${limits.concurrency} requests are running and ${Math.max(0, turns.load() - limits.concurrency)} waiting`,
      { hint: "limits.concurrency and limits.queue set the limits", retryAfterSeconds: 1 },
    );
  return {
    async admit(deadlineMs, signal) {
      if (turns.load() >= limits.concurrency + limits.queue) throw overloaded();
      return within(deadlineMs - RESERVE_MS, { signals: [signal], late: overloaded }, (stop) => turns.take(stop));
    },
  };
}
