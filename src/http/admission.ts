import { performance } from "node:perf_hooks";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { QueryService } from "../types.ts";

interface Waiting {
  readonly start: () => void;
}

/**
 * The service with at most `limits.concurrency` questions running and `limits.queue` waiting, first come, first served.
 * Further ones get OVERLOADED at once. Waiting counts: the request's deadline shrinks by it, and DEADLINE_EXCEEDED ends it.
 */
export function limitConcurrency(
  service: QueryService,
  limits: Pick<Config["limits"], "concurrency" | "queue">,
): QueryService {
  const waiting = new Set<Waiting>();
  let running = 0;

  const acquire = async (deadlineMs: number, signal: AbortSignal | null): Promise<void> => {
    if (running < limits.concurrency) {
      running += 1;
      return;
    }
    if (waiting.size >= limits.queue) {
      throw new AppError("OVERLOADED", `${running} requests are running and ${waiting.size} waiting`, {
        hint: "limits.concurrency and limits.queue set the limits",
        retryAfterSeconds: 1,
      });
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.delete(entry);
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const onAbort = () => {
        leave();
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        leave();
        reject(
          new AppError("DEADLINE_EXCEEDED", `the request waited ${deadlineMs} ms for its turn`, {
            retryAfterSeconds: 1,
          }),
        );
      }, deadlineMs);
      const entry: Waiting = {
        start: () => {
          leave();
          resolve();
        },
      };
      waiting.add(entry);
      signal?.addEventListener("abort", onAbort, { once: true });
      if (signal?.aborted) onAbort();
    });
  };

  // The turn is handed on rather than given back, so that a newcomer cannot overtake those who wait.
  const release = () => {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else next.start();
  };

  return {
    run: async (request, principal, signal) => {
      const askedMs = performance.now();
      await acquire(request.deadlineMs, signal);
      try {
        const waitedMs = Math.round(performance.now() - askedMs);
        return await service.run(
          { ...request, deadlineMs: Math.max(1, request.deadlineMs - waitedMs) },
          principal,
          signal,
        );
      } finally {
        release();
      }
    },
    explain: async (request, principal) => {
      await acquire(request.deadlineMs, null);
      try {
        return await service.explain(request, principal);
      } finally {
        release();
      }
    },
  };
}
