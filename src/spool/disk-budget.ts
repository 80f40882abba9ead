/** Bytes on disk that all answers together may still take. */
export interface DiskBudget {
  /** False, and nothing taken, when it would be too much. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/** A budget of `maxBytes`. */
export function createDiskBudget(maxBytes: number): DiskBudget {
  let left = maxBytes;
  return {
    take(bytes) {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    giveBack(bytes) {
      left += bytes;
    },
  };
}
