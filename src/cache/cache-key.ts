import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Everything that an answer depends on. Two requests with equal parts may share an answer, no others may. */
export interface CacheKeyParts {
  /** Texts in a fixed order: the exact SQL, its parameters, the format, the catalog's version, … Nothing normalised. */
  readonly parts: readonly string[];
  /** Tenants that the answer may speak of; their order does not matter. */
  readonly tenants: readonly string[];
}

/** SHA-256 in hexadecimal. Each text goes in with its length, so that no two lists of texts give the same bytes. */
export function cacheKey({ parts, tenants }: CacheKeyParts): string {
  const hash = createHash("sha256");
  for (const texts of [parts, [...new Set(tenants)].sort()]) {
    hash.update(`${texts.length}\n`);
    for (const text of texts) hash.update(`${Buffer.byteLength(text)}:${text}`);
  }
  return hash.digest("hex");
}
