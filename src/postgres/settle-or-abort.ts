/** The outcome of `work`, or the signal's reason as soon as it aborts; then `stop` is called and the outcome dropped. */
export async function settleOrAbort<T>(work: () => Promise<T>, stop: () => unknown, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
