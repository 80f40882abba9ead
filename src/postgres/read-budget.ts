/** Rows and bytes that one answer may still take. Statements that read for the same answer share one. */
export interface ReadBudget {
  /** Takes a row of `bytes`; false, and nothing taken, when it would be too much. */
  admit(bytes: number): boolean;
  /** Returns what a statement took and then lost by failing. */
  giveBack(rows: number, bytes: number): void;
  /** Rows that may still come. */
  rowsLeft(): number;
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
  };
}
