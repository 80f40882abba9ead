import type { Session } from "../postgres/session.ts";
import { unlessAborted } from "./deadline.ts";
import { createTurns } from "./turns.ts";

/** A few sessions for statements that belong to no lane. */
export interface SessionPool {
  /** Gives `work` a session for itself; one that is unusable afterwards is not used again. */
  use<T>(work: (session: Session) => Promise<T>, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}

/** At most `size` sessions, opened when needed and kept. A turn ends when its session is clean, or gone. */
export function createSessionPool({
  openSession,
  size,
}: {
  readonly openSession: () => Promise<Session>;
  readonly size: number;
}): SessionPool {
  const turns = createTurns(size);
  const idle: Session[] = [];
  const returning = new Set<Promise<void>>();

  function giveBack(session: Session, leave: () => void): void {
    const returned = session.idle().then(() => {
      if (session.usable()) idle.push(session);
      returning.delete(returned);
      leave();
    });
    returning.add(returned);
  }

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
      let mine: Session;
      try {
        mine = await session(signal);
      } catch (error) {
        leave();
        throw error;
      }
      try {
        return await work(mine);
      } finally {
        giveBack(mine, leave);
      }
    },
    async close() {
      await Promise.all(returning);
      await Promise.all(idle.splice(0).map((session) => session.close()));
    },
  };
}
