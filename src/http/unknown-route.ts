import { editDistance } from "../config/nearest-name.ts";
import { AppError } from "../errors.ts";
import { JSON_TYPE, type Route } from "../protocols/route.ts";
import type { Middleware } from "./request-state.ts";

const COMPARED_CHARACTERS = 64;

/** Answers OPTIONS with the methods of a route. There is no CORS: Grafana calls from its server. */
export function answerOptions(routes: readonly Route[]): Middleware {
  return (request, response, next) => {
    const methods = request.method === "OPTIONS" ? methodsOf(routes, request.path) : [];
    if (methods.length === 0) return next();
    const body = JSON.stringify({ methods });
    response.writeHead(200, {
      "Content-Type": JSON_TYPE,
      Allow: methods.join(", "),
      "Content-Length": Buffer.byteLength(body),
    });
    response.end(body);
  };
}

/** Refuses what no route took with ROUTE_UNKNOWN, and names the methods of the path or the routes that look like it. */
export function refuseUnknownRoute(routes: readonly Route[]): Middleware {
  return (request, response) => {
    const path = request.path.slice(0, 100);
    const methods = methodsOf(routes, request.path);
    if (methods.length > 0) {
      response.setHeader("Allow", methods.join(", "));
      throw new AppError("ROUTE_UNKNOWN", `${path} does not answer ${request.method}`, {
        hint: `use ${methods.join(" or ")}`,
      });
    }
    const near = nearRoutes(routes, path);
    throw new AppError("ROUTE_UNKNOWN", `no route ${path}`, {
      hint: `near it: ${near.join(", ")}; GET / names every route`,
    });
  };
}

function methodsOf(routes: readonly Route[], path: string): readonly string[] {
  const methods = routes.filter((route) => matchesPattern(route.path, path)).map((route) => route.method);
  return methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
}

function matchesPattern(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => part === given[index] || (part.startsWith("{") && given[index] !== ""))
  );
}

/** The three routes whose paths take the fewest changes to become this one. */
function nearRoutes(routes: readonly Route[], path: string): readonly string[] {
  const compared = path.slice(0, COMPARED_CHARACTERS).toLowerCase();
  return routes
    .map((route) => ({ name: `${route.method} ${route.path}`, changes: editDistance(compared, route.path) }))
    .sort((a, b) => a.changes - b.changes)
    .slice(0, 3)
    .map(({ name }) => name);
}
