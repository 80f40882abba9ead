/** Trees of texts that were parsed before, as JSON: whoever asks gets a tree of its own. */
export interface ParseMemory {
  /** The tree of exactly this text, which counts as used. */
  get(sql: string): string | undefined;
  /** Keeps a tree; the least recently used leave when there is no room. A tree that takes more than all room is not kept. */
  set(sql: string, tree: string): void;
}

/** Holds so many characters of texts and trees. */
export function createParseMemory({ maxCharacters }: { readonly maxCharacters: number }): ParseMemory {
  const trees = new Map<string, string>();
  let characters = 0;

  const forget = (sql: string, tree: string): void => {
    trees.delete(sql);
    characters -= sql.length + tree.length;
  };

  return {
    get(sql) {
      const tree = trees.get(sql);
      if (tree === undefined) return undefined;
      // Behind all others: the first of a Map is the one that was not used for longest.
      trees.delete(sql);
      trees.set(sql, tree);
      return tree;
    },
    set(sql, tree) {
      const before = trees.get(sql);
      if (before !== undefined) forget(sql, before);
      const needed = sql.length + tree.length;
      if (needed > maxCharacters) return;
      for (const [oldest, other] of trees) {
        if (characters + needed <= maxCharacters) break;
        forget(oldest, other);
      }
      trees.set(sql, tree);
      characters += needed;
    },
  };
}
