import type { Session } from "../postgres/session.ts";
import { unlessAborted } from "./deadline.ts";
import { createTurns } from "./turns.ts";

/** A few sessions for statements that belong to no lane. */
export interface SessionPool {
  /** Gives `work` a session for itself; one that is unusable afterwards is not used again. */
  use<T>(work: (session: Session) => Promise<T>, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}

/** At most `size` sessions, opened when needed and kept. */
export function createSessionPool({
  openSession,
  size,
}: {
  readonly openSession: () => Promise<Session>;
  readonly size: number;
}): SessionPool {
  const turns = createTurns(size);
  const idle: Session[] = [];

  async function session(signal: AbortSignal): Promise<Session> {
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) if (kept.usable()) return kept;
    const opening = openSession();
    try {
      return await unlessAborted(opening, signal);
    } catch (error) {
      opening.then(
        (late) => late.destroy(),
        () => undefined,
      );
      throw error;
    }
  }

  return {
    async use(work, signal) {
      const leave = await turns.take(signal);
      try {
        const mine = await session(signal);
        try {
          return await work(mine);
        } finally {
          if (mine.usable()) idle.push(mine);
        }
      } finally {
        leave();
      }
    },
    async close() {
      await Promise.all(idle.splice(0).map((session) => session.close()));
    },
  };
}
