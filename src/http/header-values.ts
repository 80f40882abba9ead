import type { IncomingMessage } from "node:http";

/**
 * Every value that the request has for the header, as sent. `req.headers` hides repeats: Node keeps only the first
 * Authorization and Host, and that first one may be a panel editor's rather than the datasource's.
 */
export function headerValues(request: IncomingMessage, name: string): readonly string[] {
  const { rawHeaders } = request;
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
