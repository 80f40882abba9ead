/** Lets a few at a time through, first come, first served. */
export interface Turns {
  /** Resolves with the turn's end, to be called once; rejects with the signal's reason when that aborts first. */
  take(signal: AbortSignal): Promise<() => void>;
  /** How many have a turn or wait for one. */
  load(): number;
}

/** At most `limit` turns at once. */
export function createTurns(limit: number): Turns {
  const waiting: (() => void)[] = [];
  let taken = 0;

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) taken -= 1;
    else next();
  }

  function turnEnd(): () => void {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      leave();
    };
  }

  return {
    load: () => taken + waiting.length,
    async take(signal) {
      signal.throwIfAborted();
      if (taken < limit) {
        taken += 1;
        return turnEnd();
      }
      return new Promise((resolve, reject) => {
        const enter = (): void => {
          signal.removeEventListener("abort", giveUp);
          resolve(turnEnd());
        };
        const giveUp = (): void => {
          const place = waiting.indexOf(enter);
          if (place >= 0) waiting.splice(place, 1);
          reject(signal.reason);
        };
        waiting.push(enter);
        signal.addEventListener("abort", giveUp, { once: true });
      });
    },
  };
}
