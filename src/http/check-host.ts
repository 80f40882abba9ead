import { isLoopback } from "../config/loopback.ts";
import { AppError } from "../errors.ts";
import { headerValues } from "./header-values.ts";
import type { Middleware } from "./request-state.ts";

/**
 * Without tokens, lets only requests pass that name this machine by a loopback name. A web page elsewhere can make a
 * browser send requests to 127.0.0.1, under its own name (DNS rebinding) or across sites; Host and Origin tell.
 */
export function checkHost({ authenticated }: { authenticated: boolean }): Middleware {
  return (request, _response, next) => {
    const hosts = headerValues(request, "host");
    if (hosts.length > 1) throw new AppError("REQUEST_INVALID", "the request has two Host headers");
    if (authenticated) return next();
    // A page elsewhere can make a browser send a plain GET without an Origin, as an image; browsers say so here.
    if (headerValues(request, "sec-fetch-site").includes("cross-site")) {
      throw new AppError("TOKEN_REFUSED", "the request comes from a web page of another site", {
        hint: "without auth.tokens only this machine is served; configure a token for others",
      });
    }
    for (const sender of [...hosts, ...headerValues(request, "origin")]) {
      if (!isLoopback(hostOf(sender) ?? "")) {
        throw new AppError("TOKEN_REFUSED", `"${sender.slice(0, 100)}" is no loopback name`, {
          hint: "without auth.tokens only this machine is served, as localhost or 127.0.0.1",
        });
      }
    }
    next();
  };
}

/** The host of a Host header or an origin, without scheme and port; null when it is neither. */
function hostOf(text: string): string | null {
  const match = /^(?:https?:\/\/)?(\[[0-9a-f:.]+\]|[^:/?#@[\]\s]+)(?::\d{1,5})?$/i.exec(text);
  return match?.[1] ?? null;
}
