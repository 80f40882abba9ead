import { setMaxListeners } from "node:events";

/** Milliseconds since the epoch by a clock that nobody sets: deadlines and pauses are on it. In a program that was suspended it lags behind. */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/** A limit of time on some work, and the caller's wish to stop it, as one signal. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True when time ran out; false when the caller stopped first. */
  passed(): boolean;
  /** To be called when the work has ended, so that no timer or listener stays behind. */
  clear(): void;
}

/** Aborts after `ms`, or when one of `signals` does. */
export function startDeadline(ms: number, ...signals: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  let passed = false;
  const timer = setTimeout(
    () => {
      passed = !controller.signal.aborted;
      controller.abort(new DOMException("the deadline has passed", "TimeoutError"));
    },
    Math.max(0, ms),
  );
  const stops = signals.map((signal) => {
    const stop = (): void => controller.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    return { signal, stop };
  });
  return {
    signal: controller.signal,
    passed: () => passed,
    clear() {
      clearTimeout(timer);
      for (const { signal, stop } of stops) signal.removeEventListener("abort", stop);
    },
  };
}

/** Runs `work` with a signal that also aborts after `ms`; when that ended it, it rejects with the error that `late` makes. */
export async function within<T>(
  ms: number,
  { signals, late }: { readonly signals: readonly AbortSignal[]; readonly late: () => Error },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = startDeadline(ms, ...signals);
  // Every lane of a request listens: Node warns of a leak from the eleventh listener on.
  setMaxListeners(0, deadline.signal);
  try {
    return await work(deadline.signal);
  } catch (error) {
    throw deadline.passed() ? late() : error;
  } finally {
    deadline.clear();
  }
}

/** What `promise` gives, or the signal's reason if it aborts first; then what becomes of the promise is nobody's. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
