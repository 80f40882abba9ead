import type { Observe } from "../observation.ts";
import { createBoundedStore } from "./bounded-store.ts";
import { type Flight, startFlight } from "./flights.ts";

/** What a run gives: the answer, its size, and whether it may be served again. */
export interface RunResult<T> {
  readonly value: T;
  readonly bytes: number;
  readonly cacheable: boolean;
}

export interface CachedAnswer<T> {
  readonly value: T;
  readonly status: "hit" | "miss" | "coalesced";
  /** Milliseconds since the answer was made; 0 for a fresh one. */
  readonly ageMs: number;
}

export interface CachePolicy<T> {
  /** How old an answer may be, and how long a new one is kept; 0 takes none and keeps none. */
  readonly ttlMs: number;
  /** False for an answer that this caller cannot use, such as a partial one where all tenants are asked for. */
  readonly accepts: (value: T) => boolean;
  /** True for an error of another caller's run that says nothing of this caller's, such as that one's shorter deadline. */
  readonly outlives?: (error: unknown) => boolean;
}

/** Answers that are served again, and runs that several callers share. Errors are never kept. */
export interface AnswerCache<T> {
  /**
   * The kept answer, the outcome of the same key's current run, or that of a new run. A caller that aborts gets its
   * signal's reason; the run goes on while others wait for it. A fresh answer is given even when `accepts` refuses it:
   * running again would not make it better. An error that the caller `outlives` is another's: its own run follows.
   */
  getOrRun(
    key: string,
    policy: CachePolicy<T>,
    run: (signal: AbortSignal) => Promise<RunResult<T>>,
    signal: AbortSignal,
  ): Promise<CachedAnswer<T>>;
  /** True when an answer of that key is kept or being made. */
  knows(key: string): boolean;
  close(): void;
}

export interface AnswerCacheOptions {
  readonly maxBytes: number;
  readonly observe: Observe;
  readonly now?: () => number;
}

/** An empty cache. `key` is made by `cacheKey`. */
export function createAnswerCache<T>({ maxBytes, observe, now = Date.now }: AnswerCacheOptions): AnswerCache<T> {
  const store = createBoundedStore<T>({ maxBytes });
  const flights = new Map<string, Flight<T>>();

  function kept(key: string, { ttlMs, accepts }: CachePolicy<T>): CachedAnswer<T> | undefined {
    const stored = store.get(key);
    if (stored === undefined) return undefined;
    const ageMs = Math.max(0, now() - stored.storedAtMs);
    return ageMs < ttlMs && accepts(stored.value) ? { value: stored.value, status: "hit", ageMs } : undefined;
  }

  function begin(key: string, ttlMs: number, run: (signal: AbortSignal) => Promise<RunResult<T>>): Flight<T> {
    const flight = startFlight(
      async (signal) => {
        const { value, bytes, cacheable } = await run(signal);
        if (cacheable && ttlMs > 0 && !signal.aborted) {
          const evicted = store.set(key, { value, bytes, storedAtMs: now() }, ttlMs);
          observe({ kind: "cache.size", ...store.size(), evicted });
        }
        return value;
      },
      () => {
        if (flights.get(key) === flight) flights.delete(key);
      },
    );
    flights.set(key, flight);
    return flight;
  }

  return {
    async getOrRun(key, policy, run, signal) {
      signal.throwIfAborted();
      const hit = policy.ttlMs > 0 ? kept(key, policy) : undefined;
      if (hit !== undefined) return hit;

      const current = flights.get(key);
      if (current !== undefined) {
        const joined = await unlessOutlived(current.join(signal), policy, signal);
        if (joined !== null && policy.accepts(joined.value)) return { ...joined, status: "coalesced", ageMs: 0 };
      }
      // Only a run that had begun before this caller came is refused: of the callers that refuse it, one runs again for all.
      const later = flights.get(key);
      if (later !== undefined) {
        const joined = await unlessOutlived(later.join(signal), policy, signal);
        if (joined !== null) return { ...joined, status: "coalesced", ageMs: 0 };
      }
      return { value: await begin(key, policy.ttlMs, run).join(signal), status: "miss", ageMs: 0 };
    },
    knows: (key) => flights.has(key) || store.get(key) !== undefined,
    close: () => store.close(),
  };
}

/** The run's value, or null when it ended with an error that is not this caller's. */
async function unlessOutlived<T>(
  run: Promise<T>,
  { outlives }: CachePolicy<T>,
  signal: AbortSignal,
): Promise<{ readonly value: T } | null> {
  try {
    return { value: await run };
  } catch (error) {
    if (signal.aborted || outlives?.(error) !== true) throw error;
    return null;
  }
}
