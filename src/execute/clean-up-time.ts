/** When the lanes of one request clean up after their statements. */
export interface CleanUpTime {
  /** Resolves when they may: until then the processors are the request's. */
  readonly due: Promise<void>;
  /** To be called when one lane has its rows. */
  laneDone(): void;
  /** To be called when all have theirs, or none will come. */
  allDone(): void;
}

/** A lane that waits for a slower one keeps a transaction open on its tenants meanwhile: not for long. */
const PATIENCE_MS = 100;
/** Encoding the answer and sending it takes less, unless it is so large that the clean-up is nothing beside it. */
const SENDING_MS = 10;

/**
 * Cleaning up costs the processors much of a request: a transaction is ended on every tenant. It may begin when the answer is on its way,
 * and 100 ms after a lane was done when others are not.
 */
export function createCleanUpTime(): CleanUpTime {
  let begin = (): void => undefined;
  const due = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let timer: NodeJS.Timeout | null = null;
  return {
    due,
    laneDone() {
      timer ??= setTimeout(begin, PATIENCE_MS).unref();
    },
    allDone() {
      if (timer !== null) clearTimeout(timer);
      timer = setTimeout(begin, SENDING_MS).unref();
    },
  };
}
