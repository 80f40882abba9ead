/** Bytes on disk that one caller's answers may still take. */
export interface DiskBudget {
  /** False, and nothing taken, when it would be too much. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/** Bytes on disk that all answers share. */
export interface SharedDisk {
  /** The caller's part: half of what the others leave, so that nobody who does not read keeps the disk from the others. */
  partOf(caller: string): DiskBudget;
}

/** A disk of `maxBytes`. */
export function createSharedDisk(maxBytes: number): SharedDisk {
  /** By caller; nobody has nothing. */
  const taken = new Map<string, number>();
  let takenByAll = 0;

  function add(caller: string, bytes: number): void {
    const after = (taken.get(caller) ?? 0) + bytes;
    if (after > 0) taken.set(caller, after);
    else taken.delete(caller);
    takenByAll += bytes;
  }

  return {
    partOf: (caller) => ({
      take(bytes) {
        const mine = taken.get(caller) ?? 0;
        const leftByOthers = maxBytes - (takenByAll - mine);
        if (mine + bytes > leftByOthers / 2) return false;
        add(caller, bytes);
        return true;
      },
      giveBack: (bytes) => add(caller, -bytes),
    }),
  };
}
