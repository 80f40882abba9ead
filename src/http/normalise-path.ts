import { AppError } from "../errors.ts";
import type { Middleware } from "./request-state.ts";

/**
 * Gives every later step the path in one spelling: no doubled slashes, none at the end. So `//grafana//query/` is found,
 * authenticated and counted as `/grafana/query`, without a redirect, which would lose a POST's body.
 */
export function normalisePath(): Middleware {
  return (request, _response, next) => {
    request.url = normaliseUrl(request.url);
    next();
  };
}

/** The URL with its path in one spelling; the query string stays. Throws REQUEST_INVALID for what is no path. */
function normaliseUrl(url: string): string {
  const mark = url.indexOf("?");
  const target = mark < 0 ? url : url.slice(0, mark);
  // A proxy may send the absolute form.
  const path = target.replace(/^https?:\/\/[^/]*/i, "");
  if (target !== path && path === "") return `/${mark < 0 ? "" : url.slice(mark)}`;
  if (!path.startsWith("/")) throw new AppError("REQUEST_INVALID", "the request names no path");
  const normal = path.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  return mark < 0 ? normal : normal + url.slice(mark);
}
