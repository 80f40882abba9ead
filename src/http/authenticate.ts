import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { Route } from "../protocols/route.ts";
import { matchesSelector, parseSelector } from "../template/selector.ts";
import type { Principal } from "../types.ts";
import { headerValues } from "./header-values.ts";
import type { Middleware } from "./request-state.ts";

/** A caller, and whether no tenant can ever be hidden from it. */
interface Caller {
  readonly principal: Principal;
  readonly allTenants: boolean;
}

const LOCAL: Caller = { principal: { name: "local", mayRead: () => true }, allTenants: true };
// An open route needs no token, but without one there is no tenant to see.
const ANONYMOUS: Principal = { name: "anonymous", mayRead: () => false };
const HINT = "send one header Authorization: Bearer <token>; auth.tokens in the settings lists who may";

/**
 * Finds out who calls and whether the route is for them: the holder of a token, everybody where no tokens are configured,
 * nobody in particular on the routes of `auth.open`. Decides by the route that was found, never by the path as sent.
 * Throws CONFIG_INVALID at once for a selector that cannot be read; refuses with TOKEN_REFUSED (403).
 */
export function createAuthentication(auth: Config["auth"]): (route: Route) => Middleware {
  const identify = createIdentify(auth.tokens);
  const open = new Set(auth.open);
  return (route) => (request, response, next) => {
    const { state } = response.locals;
    state.route = route;
    const found = identify(request);
    if (open.has(route.path)) {
      state.principal = found instanceof AppError ? ANONYMOUS : found.principal;
      return next();
    }
    if (found instanceof AppError) throw found;
    state.principal = found.principal;
    if (route.access === "all-tenants" && !found.allTenants) {
      throw new AppError("TOKEN_REFUSED", `${route.path} is only for tokens that may see all tenants`, {
        hint: `give the token the selector "*", or list ${route.path} in auth.open`,
      });
    }
    next();
  };
}

function createIdentify(tokens: Config["auth"]["tokens"]): (request: IncomingMessage) => Caller | AppError {
  if (tokens.length === 0) return () => LOCAL;
  const callers = tokens.map((token) => ({ digest: Buffer.from(token.sha256, "hex"), caller: compileCaller(token) }));
  return (request) => {
    const values = headerValues(request, "authorization");
    if (values.length !== 1) {
      const message = values.length === 0 ? "the request has no token" : "the request has two Authorization headers";
      return new AppError("TOKEN_REFUSED", message, { hint: HINT });
    }
    const token = /^Bearer +([^\s,]+) *$/i.exec(values[0] ?? "")?.[1];
    if (token === undefined)
      return new AppError("TOKEN_REFUSED", "the Authorization header is no bearer token", { hint: HINT });
    const digest = createHash("sha256").update(token).digest();
    // All of them are compared, so that the time does not tell which one was close.
    const matching = callers.filter((known) => timingSafeEqual(known.digest, digest));
    return matching[0]?.caller ?? new AppError("TOKEN_REFUSED", "the token is not known", { hint: HINT });
  };
}

function compileCaller({ name, tenants }: Config["auth"]["tokens"][number]): Caller {
  try {
    const selector = parseSelector(tenants);
    return {
      principal: { name, mayRead: (tenant) => matchesSelector(selector, tenant) },
      allTenants: selector.items.length === 0,
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("CONFIG_INVALID", `auth.tokens, "${name}": ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}
