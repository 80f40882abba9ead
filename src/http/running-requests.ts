import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../errors.ts";
import type { RequestState } from "./request-state.ts";

/** The requests that are being answered, for an orderly end. */
export interface RunningRequests {
  /** From `stop` on true: new requests are refused. */
  readonly stopping: () => boolean;
  readonly add: (state: RequestState) => void;
  readonly remove: (state: RequestState) => void;
  /** Resolves when none is left; those that are there after `graceMs` are aborted with SHUTTING_DOWN and get a second more. */
  readonly stop: (graceMs: number) => Promise<void>;
}

const AFTER_ABORT_MS = 1_000;

/** The refusal of a server that stops. */
export function shuttingDown(): AppError {
  return new AppError("SHUTTING_DOWN", "the server is stopping", { retryAfterSeconds: 5 });
}

export function createRunningRequests(): RunningRequests {
  const running = new Set<RequestState>();
  let stopping = false;
  let onEmpty = () => {};
  const empty = () =>
    new Promise<void>((resolve) => {
      onEmpty = resolve;
      if (running.size === 0) resolve();
    });
  const within = async (ms: number) => {
    const timer = new AbortController();
    await Promise.race([empty(), sleep(ms, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  };
  return {
    stopping: () => stopping,
    add: (state) => running.add(state),
    remove: (state) => {
      running.delete(state);
      if (running.size === 0) onEmpty();
    },
    stop: async (graceMs) => {
      stopping = true;
      await within(graceMs);
      for (const state of running) state.abort.abort(shuttingDown());
      await within(AFTER_ABORT_MS);
    },
  };
}
