import type { ServerResponse } from "node:http";
import { AppError, toAppError } from "../errors.ts";
import { JSON_TYPE } from "../protocols/route.ts";
import { reasonPhrase } from "./reason-phrase.ts";

/** The error as an answer may show it: one of ours, the client's where express refuses a path, else INTERNAL with the request's id. */
export function toPublicError(error: unknown, requestId: string): AppError {
  if (error instanceof URIError)
    return new AppError("REQUEST_INVALID", "the path has a broken % sequence", { cause: error });
  const known = toAppError(error);
  if (known.code !== "INTERNAL") return known;
  // Whatever an internal error says is for the log, also when it is one of ours.
  return new AppError("INTERNAL", `internal error; request ${requestId}`, {
    hint: "the server's log has the details under this id",
    cause: known,
  });
}

/** The body of an error: always all four keys, so that no client meets a missing one. */
export function errorBody(error: AppError): string {
  const { message, code, hint, position } = error;
  return JSON.stringify({ message, error: code, hint: hint ?? null, position: position ?? null });
}

/** Sends the error, its message in the reason phrase too. Does nothing when an answer is already on its way. */
export function sendError(response: ServerResponse, error: AppError, options: { withoutBody: boolean }): void {
  if (response.headersSent) {
    // Half an answer must not look like a whole one.
    response.destroy();
    return;
  }
  const body = errorBody(error);
  response.writeHead(error.status, reasonPhrase(error.message), {
    "Content-Type": JSON_TYPE,
    "Content-Length": String(Buffer.byteLength(body)),
    ...(error.retryAfterSeconds === undefined
      ? {}
      : { "Retry-After": String(Math.max(1, Math.ceil(error.retryAfterSeconds))) }),
  });
  response.end(options.withoutBody ? undefined : body);
}
