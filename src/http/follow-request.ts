import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { AppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import type { Middleware, RequestState } from "./request-state.ts";
import { type RunningRequests, shuttingDown } from "./running-requests.ts";

// nginx's number for a client that left before the answer.
const CLIENT_LEFT = 499;

/**
 * The first step of every request: gives it an id, reports it when it ends, and aborts it when the client leaves.
 * While the server stops, requests on connections that are still open are refused and their connections end.
 */
export function followRequest({ running, observe }: { running: RunningRequests; observe: Observe }): Middleware {
  return (request, response, next) => {
    const state: RequestState = {
      requestId: randomUUID(),
      startedMs: performance.now(),
      route: null,
      principal: null,
      body: {},
      streamedBytes: 0,
      brokenOff: null,
      abort: new AbortController(),
    };
    response.locals.state = state;
    response.setHeader("X-Request-Id", state.requestId);
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    const wasStopping = running.stopping();
    running.add(state);
    const { socket } = request;
    let ended = false;
    const onClose = (): void => {
      if (ended) return;
      ended = true;
      socket.removeListener("close", onClose);
      running.remove(state);
      const finished = response.writableFinished;
      if (!finished) state.abort.abort(new AppError("REQUEST_INVALID", "the client left"));
      observe({
        kind: "http.request",
        requestId: state.requestId,
        method: request.method,
        route: state.route?.path ?? "unknown",
        status: finished ? response.statusCode : (state.brokenOff ?? CLIENT_LEFT),
        seconds: (performance.now() - state.startedMs) / 1000,
        bytes:
          finished && request.method !== "HEAD"
            ? Number(response.getHeader("content-length") ?? state.streamedBytes)
            : 0,
        principal: state.principal?.name ?? "unknown",
      });
    };
    response.once("close", onClose);
    // A pipelined answer that waits for the one before it has no socket yet, and is not closed with it.
    socket.setMaxListeners(0).once("close", onClose);
    if (wasStopping) {
      response.setHeader("Connection", "close");
      throw shuttingDown();
    }
    next();
  };
}
