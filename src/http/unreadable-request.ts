import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AppError } from "../errors.ts";
import { JSON_TYPE } from "../protocols/route.ts";
import { errorBody } from "./error-response.ts";
import { reasonPhrase } from "./reason-phrase.ts";

/** Answers what Node could not even read as a request, in the form of every other error, and ends the connection. */
export function refuseUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const refused = explain(error.code);
  const body = errorBody(refused);
  const phrase = reasonPhrase(refused.message) || STATUS_CODES[refused.status];
  socket.end(
    `HTTP/1.1 ${refused.status} ${phrase}\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function explain(code: string | undefined): AppError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new AppError("REQUEST_TOO_LARGE", "the URL and the headers are too large", {
        hint: "send long SQL in the body of POST /v1/query",
      });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new AppError("REQUEST_INVALID", "the request took too long to arrive");
    default:
      return new AppError("REQUEST_INVALID", "the request is no HTTP/1.1");
  }
}
