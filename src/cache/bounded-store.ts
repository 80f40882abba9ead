import NodeCache from "node-cache";

/** A value with what its keeping is worth. */
export interface Stored<T> {
  readonly value: T;
  readonly bytes: number;
  readonly storedAtMs: number;
}

/** Values by key, within a budget of bytes: the least recently used leave first. */
export interface BoundedStore<T> {
  /** The value, which counts as used. */
  get(key: string): Stored<T> | undefined;
  /** Keeps a value for `ttlMs`; gives how many others had to leave. A value larger than the budget is not kept. */
  set(key: string, stored: Stored<T>, ttlMs: number): number;
  size(): { readonly entries: number; readonly bytes: number };
  close(): void;
}

// What an entry costs beside its value: the key, the maps' cells, node-cache's wrapper. Roughly measured.
const ENTRY_BYTES = 512;

/** node-cache keeps the values and lets them expire; it has no budget, so the order of use is kept here. */
export function createBoundedStore<T>({ maxBytes }: { readonly maxBytes: number }): BoundedStore<T> {
  // Clones would cost seconds for a large answer (measured: 3.0 s a hit for 100,000 rows); values never change once made.
  const cache = new NodeCache({ useClones: false, checkperiod: 10 });
  const sizes = new Map<string, number>();
  let bytes = 0;

  function forget(key: string): void {
    bytes -= sizes.get(key) ?? 0;
    sizes.delete(key);
  }
  // Reports expired values too.
  cache.on("del", forget);

  function makeRoom(needed: number): number {
    let evicted = 0;
    for (const oldest of sizes.keys()) {
      if (bytes + needed <= maxBytes) break;
      cache.del(oldest);
      evicted += 1;
    }
    return evicted;
  }

  return {
    get(key) {
      const stored = cache.get<Stored<T>>(key);
      const size = sizes.get(key);
      if (stored === undefined || size === undefined) return undefined;
      sizes.delete(key);
      sizes.set(key, size);
      return stored;
    },
    set(key, stored, ttlMs) {
      const size = stored.bytes + ENTRY_BYTES;
      cache.del(key);
      if (size > maxBytes || ttlMs <= 0) return 0;
      const evicted = makeRoom(size);
      cache.set(key, stored, ttlMs / 1_000);
      sizes.set(key, size);
      bytes += size;
      return evicted;
    },
    size: () => ({ entries: sizes.size, bytes }),
    close() {
      cache.close();
      cache.flushAll();
      sizes.clear();
      bytes = 0;
    },
  };
}
