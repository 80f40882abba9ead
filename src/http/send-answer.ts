import type { IncomingMessage, ServerResponse } from "node:http";
import type { RouteAnswer } from "../protocols/route.ts";
import { answerHeaders } from "./answer-headers.ts";
import { createCompression } from "./compression.ts";

/** Sends answers: their headers, and the body compressed where the client takes it. */
export function createSendAnswer(): (
  request: IncomingMessage,
  response: ServerResponse,
  answer: RouteAnswer,
) => Promise<void> {
  const compress = createCompression();
  return async (request, response, answer) => {
    const compressed = await compress(answer.body, String(request.headers["accept-encoding"] ?? ""));
    if (response.destroyed) return;
    const body = compressed ?? answer.body;
    response.writeHead(200, {
      "Content-Type": answer.contentType,
      "Content-Length": String(body.length),
      Vary: "Accept-Encoding",
      ...(compressed === null ? {} : { "Content-Encoding": "gzip" }),
      ...(answer.summary === null ? {} : answerHeaders(answer.summary)),
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}
