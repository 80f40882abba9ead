/** Who fails together would be asked again together for ever. */
const JITTER = 0.25;
const MAX_PAUSE_MS = 15_000;

/** How long to leave alone what has failed so many times in a row: twice as long each time, a quarter of a minute at most, give or take a quarter. */
export function pauseMs(firstMs: number, failures: number, random: () => number): number {
  const pause = Math.min(MAX_PAUSE_MS, firstMs * 2 ** Math.min(10, failures - 1));
  return pause * (1 + JITTER * (2 * random() - 1));
}
