import { setMaxListeners } from "node:events";
/** Work that several callers may wait for. */
export interface Flight<R> {
  /** The outcome, or the caller's own abort. When the last caller has gone, the work is aborted. */
  join(signal: AbortSignal): Promise<R>;
}

/** Starts `work` when the first caller joins. `onEnd` is called once, when it has ended or nobody waits any more. */
export function startFlight<R>(work: (signal: AbortSignal) => Promise<R>, onEnd: () => void): Flight<R> {
  const controller = new AbortController();
  // Every statement of a run listens: Node warns of a leak from the eleventh listener on.
  setMaxListeners(0, controller.signal);
  let waiting = 0;
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onEnd();
  };
  const outcome = (async () => work(controller.signal))().finally(end);
  // Every caller may have gone by the time it rejects.
  outcome.catch(() => undefined);

  function leave(signal: AbortSignal): void {
    waiting -= 1;
    if (waiting > 0 || ended) return;
    end();
    controller.abort(signal.reason);
  }

  return {
    async join(signal) {
      signal.throwIfAborted();
      waiting += 1;
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          reject(signal.reason);
          leave(signal);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        outcome.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
      });
    },
  };
}
