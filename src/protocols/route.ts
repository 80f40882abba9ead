import { Buffer } from "node:buffer";
import type { z } from "zod";
import type { Answer, Principal, StreamedAnswer } from "../types.ts";

/** What a route is given: the request without HTTP. */
export interface RouteContext {
  readonly principal: Principal;
  /** Values of the `{name}` parts of the path, decoded. */
  readonly path: ReadonlyMap<string, string>;
  readonly search: URLSearchParams;
  /** The body as JSON; an empty object when there is none. Nothing is known of its shape. */
  readonly body: unknown;
  /** The Accept header, or an empty string. */
  readonly accept: string;
  /** The header X-Prometheus-Scrape-Timeout-Seconds, or an empty string. */
  readonly scrapeTimeout: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** What the reply's headers say of one or several answers. */
export type AnswerSummary = Pick<Answer, "coverage" | "cache" | "ageSeconds" | "timings">;

/** What a route answers: a body, and for queries what the headers say. The status is always 200; all else is an `AppError`. */
export interface RouteAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  readonly summary: AnswerSummary | null;
  /** Headers of this answer alone. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One route of the HTTP surface: how it is found, how it is described, and what it does. Errors are `AppError`s. */
export interface Route {
  readonly method: "GET" | "POST";
  /** With `{name}` for a part that varies: `/v1/queries/{name}`. */
  readonly path: string;
  readonly summary: string;
  /** `all-tenants`: only for a caller that may see every tenant. */
  readonly access: "caller" | "all-tenants";
  /** Parameters of the URL, or the JSON body of a POST, for the OpenAPI document. */
  readonly input?: z.ZodType;
  /** Content types of the answer, for the OpenAPI document; JSON when absent. */
  readonly contentTypes?: readonly string[];
  /** True when the answer is a query's, and its headers are `ANSWER_HEADERS`. */
  readonly answersQuery?: boolean;
  readonly run: (context: RouteContext) => Promise<RouteAnswer | StreamedAnswer>;
}

/** The headers of a query's answer, and what they say. `http/answer-headers.ts` writes them. */
export const ANSWER_HEADERS = {
  "X-Cache":
    "hit, miss, coalesced (another request's run), or partial-hit (targets of a panel that the cache treated differently).",
  Age: "Seconds since the answer was made.",
  "Server-Timing": "Milliseconds of every stage.",
  "X-Tenants-Expected": "Tenants that the answer should have.",
  "X-Tenants-Answered": "Tenants that it has.",
  "X-Tenants-Failed": "Tenants that it lacks.",
  "X-Tenants-Stale": "Tenants that failed and whose last good rows it has; absent when there are none.",
  "X-Truncated": "true when a limit cut rows off; absent otherwise.",
} as const;

export const JSON_TYPE = "application/json; charset=utf-8";

/** A value as a JSON answer, with the summary of the query's answer that it was made of, if it was. */
export function jsonAnswer(value: unknown, summary: AnswerSummary | null = null): RouteAnswer {
  return { contentType: JSON_TYPE, body: Buffer.from(JSON.stringify(value)), summary };
}

/** True for an answer whose body is made while it is sent. */
export function isStreamed<T extends object>(answer: T | StreamedAnswer): answer is StreamedAnswer {
  return "chunks" in answer;
}

/** A query's answer as it is. The body stays the shared one, so that what was made from it can be found again. */
export function queryAnswer(answer: Answer): RouteAnswer {
  return { contentType: answer.contentType, body: answer.body, summary: answer };
}
