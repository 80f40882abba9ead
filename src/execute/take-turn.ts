import { startDeadline } from "./deadline.ts";
import type { Lane, LaneTurn } from "./lane.ts";
import type { Share, ShareContext } from "./share.ts";

/** Kept back from what is left of a request, for merging and writing what the others gave. */
export const RESERVE_MS = 100;

/** The lane's turn, or null when it does not come before `deadlineAtMs`. */
export async function takeTurn(
  lane: Lane,
  { deadlineAtMs, signal, caller, together }: Pick<Share, "deadlineAtMs" | "signal" | "caller" | "together">,
  { now }: Pick<ShareContext, "now">,
): Promise<LaneTurn | null> {
  const asker = { caller, together };
  // Most lanes are free, and a request may have a hundred of them: none needs a deadline for what does not wait.
  if (lane.load() === 0) return lane.take(signal, asker);
  const wait = startDeadline(deadlineAtMs - now() - RESERVE_MS, signal);
  try {
    return await lane.take(wait.signal, asker);
  } catch (error) {
    if (wait.passed()) return null;
    throw error;
  } finally {
    wait.clear();
  }
}

/** Ends the turn as soon as the lane's session is clean; nobody needs to wait for that. */
export function endTurn(turn: LaneTurn, signal: AbortSignal, { stuck }: Pick<ShareContext, "stuck">): void {
  void turn.end(signal.aborted ? "cancelled" : "timeout").then((kept) => {
    if (!kept) stuck.note();
  });
}
