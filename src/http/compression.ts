import type { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { constants, createGzip, type Gzip, gzip } from "node:zlib";

const gzipAsync = promisify(gzip);
// Below this the header costs more than is won.
const MIN_BYTES = 1024;
// Level 1 takes a third of the default level's time for rows of numbers, and they shrink nearly as well.
const LEVEL = 1;

/**
 * Compresses bodies for clients that accept gzip, off the event loop; null when the body is better sent as it is. A body
 * that is answered again, from the cache, is not compressed again: the result lives as long as the body.
 */
export function createCompression(): (body: Buffer, acceptEncoding: string) => Promise<Buffer | null> {
  const compressed = new WeakMap<Buffer, Promise<Buffer>>();
  return async (body, acceptEncoding) => {
    if (body.length <= MIN_BYTES || !acceptsGzip(acceptEncoding)) return null;
    const known = compressed.get(body);
    if (known !== undefined) return known;
    const result = gzipAsync(body, { level: LEVEL });
    compressed.set(body, result);
    return result;
  };
}

/** Compresses a body that is made while it is sent; null when the client does not accept gzip. What was written is flushed with each chunk, since the next may be long in coming. */
export function createGzipStream(acceptEncoding: string): Gzip | null {
  return acceptsGzip(acceptEncoding) ? createGzip({ level: LEVEL, flush: constants.Z_SYNC_FLUSH }) : null;
}

/** True when the Accept-Encoding header allows gzip: named or by `*`, and not with a weight of zero. */
function acceptsGzip(acceptEncoding: string): boolean {
  const weights = new Map(
    acceptEncoding.split(",").map((item) => {
      const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="));
      return [name, weight === undefined ? 1 : Number(weight.slice(2))] as const;
    }),
  );
  return (weights.get("gzip") ?? weights.get("*") ?? 0) > 0;
}
