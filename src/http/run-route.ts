import { unlessAborted } from "../execute/deadline.ts";
import type { Observe } from "../observation.ts";
import { isStreamed, type Route, type RouteAnswer } from "../protocols/route.ts";
import type { StreamedAnswer } from "../types.ts";
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
    const running = route.run({
      principal,
      body,
      path: new Map(Object.entries(request.params)),
      search: new URLSearchParams(mark < 0 ? "" : request.url.slice(mark)),
      accept: request.headers.accept ?? "",
      scrapeTimeout: String(request.headers["x-prometheus-scrape-timeout-seconds"] ?? ""),
      signal: abort.signal,
    });
    // A stage that does not notice the abort at once must not hold up the server's end.
    const answer = await unlessAborted(running, abort.signal).catch((error: unknown) => {
      void running.then(closeUnread, () => undefined);
      throw error;
    });
    if (isStreamed(answer)) return sendStream(request, response, answer, observe);
    await sendAnswer(request, response, answer);
  };
}

/** An answer that comes when its client is gone: a streamed one has a file open. */
async function closeUnread(answer: RouteAnswer | StreamedAnswer): Promise<void> {
  if (isStreamed(answer)) await answer.close();
}
