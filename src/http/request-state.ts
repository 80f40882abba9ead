import type { ErrorRequestHandler, RequestHandler } from "express";
import type { Route } from "../protocols/route.ts";
import type { Principal } from "../types.ts";

/** What is known of one request while it is answered; each middleware adds its part. */
export interface RequestState {
  readonly requestId: string;
  readonly startedMs: number;
  /** Pattern of the route, `unknown` until one is found. */
  route: Route | null;
  principal: Principal | null;
  body: unknown;
  /** Bytes of a body that was made while it was sent. */
  streamedBytes: number;
  /** The status of the error for which such a body was broken off; null when it was not. */
  brokenOff: number | null;
  /** Aborted when the client leaves or the server gives up waiting at its end. */
  readonly abort: AbortController;
}

export interface RequestLocals extends Record<string, unknown> {
  state: RequestState;
}

/** A middleware that finds the request's state in `res.locals.state`. */
export type Middleware = RequestHandler<Record<string, string>, unknown, unknown, unknown, RequestLocals>;
export type ErrorMiddleware = ErrorRequestHandler<Record<string, string>, unknown, unknown, unknown, RequestLocals>;
