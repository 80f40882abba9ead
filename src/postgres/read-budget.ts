/** Rows and bytes that one answer may still take. Statements that read for the same answer share one. */
export interface ReadBudget {
  /** Takes a row of `bytes`; false, and nothing taken, when it would be too much. */
  admit(bytes: number): boolean;
  /** Returns what a statement took and then lost by failing. */
  giveBack(rows: number, bytes: number): void;
  /** Rows that may still come. */
  rowsLeft(): number;
  /** A budget of its own with the limits that this one began with. */
  another(): ReadBudget;
}

/** A part of a budget that can be taken back, with everything that was taken from it, while a statement still reads. */
export interface LentBudget extends ReadBudget {
  /** From now on nothing is admitted. */
  revoke(): void;
}

/** Lends `budget` to a statement whose rows may be given up. */
export function lendBudget(budget: ReadBudget): LentBudget {
  let rowsTaken = 0;
  let bytesTaken = 0;
  let revoked = false;
  const giveBack = (rows: number, bytes: number): void => {
    if (revoked) return;
    rowsTaken -= rows;
    bytesTaken -= bytes;
    budget.giveBack(rows, bytes);
  };
  return {
    admit(bytes) {
      if (revoked || !budget.admit(bytes)) return false;
      rowsTaken += 1;
      bytesTaken += bytes;
      return true;
    },
    giveBack,
    rowsLeft: () => (revoked ? 0 : budget.rowsLeft()),
    another: budget.another,
    revoke() {
      giveBack(rowsTaken, bytesTaken);
      revoked = true;
    },
  };
}

/** A budget of `maxRows` rows and `maxBytes` bytes of values. */
export function createReadBudget(limits: { readonly maxRows: number; readonly maxBytes: number }): ReadBudget {
  let rowsLeft = limits.maxRows;
  let bytesLeft = limits.maxBytes;
  return {
    admit(bytes) {
      if (rowsLeft < 1 || bytes > bytesLeft) return false;
      rowsLeft -= 1;
      bytesLeft -= bytes;
      return true;
    },
    giveBack(rows, bytes) {
      rowsLeft += rows;
      bytesLeft += bytes;
    },
    rowsLeft: () => rowsLeft,
    another: () => createReadBudget(limits),
  };
}
