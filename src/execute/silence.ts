/** A limit on how long something may be silent; each `heard` begins it anew. */
export interface SilenceLimit {
  readonly signal: AbortSignal;
  /** True when the silence was too long; false when the caller stopped first. */
  passed(): boolean;
  heard(): void;
  /** What is waited for is not the other side's to give: no time runs until `heard`. */
  hold(): void;
  /** To be called when nothing more is awaited. */
  clear(): void;
}

/** `heard` is called for every row: it only leaves a mark, which is looked for this often in the time allowed. */
const LOOKS = 8;

/** Aborts after `ms` of silence (an eighth more at most), or when `stop` does. */
export function limitSilence(ms: number, stop: AbortSignal): SilenceLimit {
  const controller = new AbortController();
  let silentLooks = 0;
  let held = false;
  let passed = false;
  const timer = setInterval(() => {
    silentLooks = held ? 0 : silentLooks + 1;
    if (silentLooks <= LOOKS) return;
    clearInterval(timer);
    passed = !controller.signal.aborted;
    controller.abort(new DOMException("silent for too long", "TimeoutError"));
  }, ms / LOOKS);
  const onStop = (): void => controller.abort(stop.reason);
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return {
    signal: controller.signal,
    passed: () => passed,
    heard() {
      silentLooks = 0;
      held = false;
    },
    hold() {
      held = true;
    },
    clear() {
      clearInterval(timer);
      stop.removeEventListener("abort", onStop);
    },
  };
}
