/** Sessions that were thrown away while they were stuck: the server may need half a minute to end each. */
export interface StuckSessions {
  note(): void;
  /** True when so many are stuck that opening more for tenants in doubt would do harm. */
  tooMany(): boolean;
}

const STUCK_FOR_MS = 30_000;
// They are connections that the server still has: `SESSIONS_BESIDE_LANES` counts them.
const MAX_STUCK = 8;

/** Counts for 30 seconds, which is what PostgreSQL needs to give up one silent tenant. */
export function createStuckSessions({ now }: { readonly now: () => number }): StuckSessions {
  let notedAtMs: readonly number[] = [];
  const recent = (): readonly number[] => notedAtMs.filter((at) => now() - at < STUCK_FOR_MS);
  return {
    note() {
      notedAtMs = [...recent(), now()];
    },
    tooMany: () => recent().length >= MAX_STUCK,
  };
}
