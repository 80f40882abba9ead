/** Lets a few at a time through: callers in turn, and of one caller first come, first served. */
export interface Turns {
  /** Resolves with the turn's end, to be called once; rejects with the signal's reason when that aborts first. */
  take(signal: AbortSignal, caller?: string, together?: symbol): Promise<() => void>;
  /** What the next that waits gave as `together`. */
  next(): symbol | undefined;
  /** How many have a turn or wait for one. */
  load(): number;
  /**
   * Makes room for one more of `caller`: whoever came last of the caller that has most waiting is turned away with `reason`. False, and nobody turned
   * away, when that caller would not have at least as many waiting as this one with the one more.
   */
  displace(caller: string, reason: Error): boolean;
}

interface Waiting {
  readonly together: symbol | undefined;
  readonly enter: () => void;
  readonly turnAway: (reason: unknown) => void;
}

/** At most `limit` turns at once. Nobody need say who the caller is where there is but one. */
export function createTurns(limit: number): Turns {
  /** By caller; the first is next. No queue is empty. */
  const queues = new Map<string, Waiting[]>();
  let waiting = 0;
  let taken = 0;

  function remove(caller: string, one: Waiting): void {
    const queue = queues.get(caller);
    const place = queue?.indexOf(one) ?? -1;
    if (queue === undefined || place < 0) return;
    queue.splice(place, 1);
    waiting -= 1;
    if (queue.length === 0) queues.delete(caller);
  }

  function leave(): void {
    const [next] = queues;
    if (next === undefined) {
      taken -= 1;
      return;
    }
    const [caller, [first, ...others]] = next;
    queues.delete(caller);
    if (others.length > 0) queues.set(caller, others);
    waiting -= 1;
    first?.enter();
  }

  function turnEnd(): () => void {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      leave();
    };
  }

  function wait(signal: AbortSignal, caller: string, together: symbol | undefined): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => one.turnAway(signal.reason);
      const one: Waiting = {
        together,
        enter() {
          signal.removeEventListener("abort", giveUp);
          resolve(turnEnd());
        },
        turnAway(reason) {
          signal.removeEventListener("abort", giveUp);
          remove(caller, one);
          reject(reason);
        },
      };
      const queue = queues.get(caller);
      if (queue === undefined) queues.set(caller, [one]);
      else queue.push(one);
      waiting += 1;
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  return {
    load: () => taken + waiting,
    next() {
      const [first] = queues.values();
      return first?.[0]?.together;
    },
    async take(signal, caller = "", together = undefined) {
      signal.throwIfAborted();
      if (taken >= limit) return wait(signal, caller, together);
      taken += 1;
      return turnEnd();
    },
    displace(caller, reason) {
      const longest = [...queues.values()].reduce<Waiting[]>(
        (most, queue) => (queue.length > most.length ? queue : most),
        [],
      );
      if (longest.length <= (queues.get(caller)?.length ?? 0) + 1) return false;
      longest.at(-1)?.turnAway(reason);
      return true;
    },
  };
}
