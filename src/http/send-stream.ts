import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import type { Observe } from "../observation.ts";
import type { StreamedAnswer } from "../types.ts";
import { streamHeaders } from "./answer-headers.ts";
import { createGzipStream } from "./compression.ts";
import { errorBody, toPublicError } from "./error-response.ts";
import type { RequestLocals } from "./request-state.ts";

/**
 * Sends an answer while it is made, as fast as the client takes it. When the rest cannot be had, the last line is `{"error": {…}}` and the connection
 * ends without the end of the body, so that no client takes half an answer for a whole one.
 */
export async function sendStream(
  request: IncomingMessage,
  response: ServerResponse & { readonly locals: RequestLocals },
  answer: StreamedAnswer,
  observe: Observe,
): Promise<void> {
  const { state } = response.locals;
  const { signal } = state.abort;
  const gzip = createGzipStream(String(request.headers["accept-encoding"] ?? ""));
  const target = gzip ?? response;
  gzip?.pipe(response);
  try {
    signal.throwIfAborted();
    response.writeHead(200, {
      "Content-Type": answer.contentType,
      Vary: "Accept-Encoding",
      ...(gzip === null ? {} : { "Content-Encoding": "gzip" }),
      ...streamHeaders(answer),
    });
    if (request.method !== "HEAD") {
      for await (const chunk of answer.chunks) {
        await written(target, chunk, signal);
        state.streamedBytes += chunk.length;
      }
    }
    target.end();
  } catch (error) {
    // The client left, or the server stops waiting for it: there is nobody to tell. In HTTP/1.0 the end of a connection is the end of a body.
    if (signal.aborted || error instanceof ClientLeft) {
      gzip?.destroy();
      if (request.httpVersion === "1.0") response.socket?.resetAndDestroy();
      response.destroy();
      return;
    }
    const shown = toPublicError(error, state.requestId);
    observe({ kind: "http.error", requestId: state.requestId, error: shown });
    state.brokenOff = shown.status;
    await written(target, Buffer.from(`{"error":${errorBody(shown)}}\n`), signal).catch(() => undefined);
    if (request.httpVersion === "1.0") response.socket?.resetAndDestroy();
    else response.socket?.end();
  } finally {
    await answer.close();
  }
}

/** The connection was reset: that is known before the request is aborted for it. */
class ClientLeft extends Error {}

/** What Node says of writing to a connection that has ended. */
const CONNECTION_ENDED = new Set(["EPIPE", "ECONNRESET", "ECONNABORTED", "ERR_STREAM_DESTROYED"]);

/** Resolves when the bytes have left: their buffer may be used again. Rejects when the signal aborts, or with `ClientLeft`. */
function written(target: Writable, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // An abort that came while the chunk was waited for is told to no listener.
    signal.throwIfAborted();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    target.write(bytes, (error?: NodeJS.ErrnoException | null) => {
      signal.removeEventListener("abort", onAbort);
      if (!error) resolve();
      else if (CONNECTION_ENDED.has(error.code ?? "")) reject(new ClientLeft("it has ended", { cause: error }));
      else reject(error);
    });
  });
}
