import { createServer, type Server } from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import express from "express";
import { isLoopback } from "../config/loopback.ts";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import { openApiDocument } from "../protocols/openapi.ts";
import { restRoutes } from "../protocols/rest.ts";
import { jsonAnswer, type Route } from "../protocols/route.ts";
import { simpodRoutes } from "../protocols/simpod.ts";
import type { Catalog, QueryService, TenantDoubt } from "../types.ts";
import { createAuthentication } from "./authenticate.ts";
import { checkHost } from "./check-host.ts";
import { sendError, toPublicError } from "./error-response.ts";
import { followRequest } from "./follow-request.ts";
import { normalisePath } from "./normalise-path.ts";
import { readBody } from "./read-body.ts";
import type { ErrorMiddleware, Middleware } from "./request-state.ts";
import { runRoute } from "./run-route.ts";
import { createRunningRequests, type RunningRequests } from "./running-requests.ts";
import { createSendAnswer } from "./send-answer.ts";
import { type Readiness, systemRoutes } from "./system-routes.ts";
import { answerOptions, refuseUnknownRoute } from "./unknown-route.ts";
import { refuseUnreadable } from "./unreadable-request.ts";

export interface HttpServerOptions {
  readonly config: Config;
  readonly service: QueryService;
  readonly catalog: () => Catalog | null;
  /** Tenants that are down or on trial. */
  readonly doubts: () => readonly TenantDoubt[];
  readonly ready: () => Promise<Readiness>;
  readonly metricsText: (timeoutMs: number | null) => Promise<{ contentType: string; body: string }>;
  readonly observe: Observe;
  /** Epoch milliseconds; the clock when absent. */
  readonly now?: () => number;
}

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /** Stops accepting, waits `graceMs` for running requests, aborts the rest, and ends every connection. */
  readonly close: (graceMs: number) => Promise<void>;
}

/**
 * Listens and answers. Throws CONFIG_INVALID when the address is not a loopback one and no tokens are configured, or a
 * token's selector cannot be read; rejects with the system's error when the port is taken.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, observe } = options;
  const authenticated = config.auth.tokens.length > 0;
  if (!authenticated && !isLoopback(config.server.host)) {
    throw new AppError(
      "CONFIG_INVALID",
      `server.host: ${config.server.host} is no loopback address and auth.tokens is empty`,
      {
        hint: "add a token to auth.tokens, or listen on 127.0.0.1",
      },
    );
  }
  const running = createRunningRequests();
  const app = createApp(options, running);
  // A template in a URL takes up to three characters for each byte.
  const server = createServer(
    { maxHeaderSize: 3 * config.limits.sqlBytes + 16 * 1024, connectionsCheckingInterval: 5_000 },
    app,
  );
  setTimeouts(server, config);
  server.on("clientError", refuseUnreadable);
  const port = await listen(server, config.server);
  const host = config.server.host.includes(":") ? `[${config.server.host}]` : config.server.host;
  const url = `http://${host}:${port}`;
  observe({ kind: "server.listening", url, authenticated });
  return { url, port, close };

  async function close(graceMs: number): Promise<void> {
    observe({ kind: "server.stopping", graceMs });
    // http's own close also ends idle connections, under requests that are on their way; those are to get a 503 instead.
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(server, () => resolve());
    });
    await running.stop(graceMs);
    server.closeAllConnections();
    await closed;
  }
}

function createApp(options: HttpServerOptions, running: RunningRequests) {
  const { config, observe } = options;
  const routes = listRoutes(options);
  const authenticate = createAuthentication(config.auth);
  const sendAnswer = createSendAnswer();
  const maxBodyBytes = Math.max(256 * 1024, 4 * config.limits.sqlBytes);

  const beforeRoutes: readonly Middleware[] = [
    followRequest({ running, observe }),
    normalisePath(),
    checkHost({ authenticated: config.auth.tokens.length > 0 }),
    answerOptions(routes),
  ];
  const ofRoute = (route: Route): readonly Middleware[] => [
    authenticate(route),
    readBody({ maxBytes: maxBodyBytes }),
    runRoute(route, { sendAnswer, observe }),
  ];
  const afterRoutes: readonly Middleware[] = [refuseUnknownRoute(routes)];

  const app = express();
  app.disable("x-powered-by").disable("etag").enable("case sensitive routing").set("query parser", false);
  for (const middleware of beforeRoutes) app.use(middleware);
  for (const route of routes) {
    const pattern = route.path.replace(/\{(\w+)\}/g, ":$1");
    app[route.method === "GET" ? "get" : "post"](pattern, ...ofRoute(route));
  }
  for (const middleware of afterRoutes) app.use(middleware);
  app.use(answerError(observe));
  return app;
}

function listRoutes({
  config,
  service,
  catalog,
  doubts,
  ready,
  metricsText,
  now = Date.now,
}: HttpServerOptions): readonly Route[] {
  const services = { config, service, catalog, doubts, now };
  const routes: readonly Route[] = [
    ...systemRoutes({ catalog, doubts, ready, metricsText, now, routes: () => routes }),
    ...restRoutes(services),
    {
      method: "GET",
      path: "/v1/openapi.json",
      summary: "Describes every route as OpenAPI 3.1.",
      access: "caller",
      run: async () => jsonAnswer(openApiDocument(routes)),
    },
    ...simpodRoutes(services),
  ];
  return routes;
}

function answerError(observe: Observe): ErrorMiddleware {
  // Express knows an error middleware by its four parameters.
  return (error, request, response, _next) => {
    const { requestId } = response.locals.state;
    // The client left: there is nobody to tell, and nothing went wrong here.
    if (response.closed) return;
    const shown = toPublicError(error, requestId);
    observe({ kind: "http.error", requestId, error: shown });
    if (!request.complete) response.setHeader("Connection", "close");
    sendError(response, shown, { withoutBody: request.method === "HEAD" });
  };
}

function setTimeouts(server: Server, config: Config): void {
  const deadlines = [config.limits.deadline, ...Object.values(config.queries).map((query) => query.deadline ?? 0)];
  server.headersTimeout = 10_000;
  server.requestTimeout = 15_000;
  // Go's client keeps connections for 90 s; closing earlier than it does loses requests that are just being sent.
  server.keepAliveTimeout = 95_000;
  server.maxConnections = 2_048;
  // A client that stops reading must not hold its answer in memory for ever.
  server.setTimeout(Math.max(...deadlines) + 60_000);
}

function listen(server: Server, { host, port }: Config["server"]): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.removeListener("error", reject);
      resolve(portOf(server.address()));
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}
