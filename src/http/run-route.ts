import type { Observe } from "../observation.ts";
import { isStreamed, type Route } from "../protocols/route.ts";
import type { Middleware } from "./request-state.ts";
import type { createSendAnswer } from "./send-answer.ts";
import { sendStream } from "./send-stream.ts";

/** The last step: gives the route the request without HTTP, and sends what it answers. */
export function runRoute(
  route: Route,
  { sendAnswer, observe }: { readonly sendAnswer: ReturnType<typeof createSendAnswer>; readonly observe: Observe },
): Middleware {
  return async (request, response) => {
    const { abort, principal, body } = response.locals.state;
    if (principal === null) throw new Error(`${route.path} was reached without authentication`);
    const mark = request.url.indexOf("?");
    const answer = await orAborted(
      abort.signal,
      route.run({
        principal,
        body,
        path: new Map(Object.entries(request.params)),
        search: new URLSearchParams(mark < 0 ? "" : request.url.slice(mark)),
        accept: request.headers.accept ?? "",
        scrapeTimeout: String(request.headers["x-prometheus-scrape-timeout-seconds"] ?? ""),
        signal: abort.signal,
      }),
    );
    if (isStreamed(answer)) return sendStream(request, response, answer, observe);
    await sendAnswer(request, response, answer);
  };
}

// A stage that does not notice the abort at once must not hold up the server's end.
async function orAborted<T>(signal: AbortSignal, running: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([running, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
