import { type DestinationStream, destination, pino } from "pino";
import type { AppError } from "../errors.ts";
import type { Observation, Observe } from "../observation.ts";
import { withoutSecrets } from "./without-secrets.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; standard error unless given, since standard output is for what commands print. */
  readonly destination?: DestinationStream;
}

/** Writes observations as JSON lines, each with the observation's kind as `event`. Texts of errors lose their secrets. */
export function createLog(options: LogOptions): Observe {
  const logger = pino(
    { level: options.level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    options.destination ?? destination(2),
  );
  return (observation) => {
    const { level, message, ...fields } = lineOf(observation);
    logger[level]({ event: observation.kind, ...fields }, message);
  };
}

type Line = { readonly level: Exclude<LogLevel, "silent">; readonly message: string } & Readonly<
  Record<string, unknown>
>;

function lineOf(observation: Observation): Line {
  const { kind: _kind, ...fields } = observation;
  switch (observation.kind) {
    case "server.listening":
      return { level: "info", message: `listening on ${observation.url}`, ...fields };
    case "server.stopping":
      return { level: "info", message: "stopping", ...fields };
    case "http.request":
      return { level: "info", message: `${observation.method} ${observation.route} ${observation.status}`, ...fields };
    case "http.error":
      return errorLine(observation.requestId, observation.error);
    case "query.stage":
      return { level: "debug", message: `stage ${observation.stage}`, ...fields };
    case "query.answered":
      return { level: "debug", message: "query answered", ...fields };
    case "tenant.failed":
      return {
        level: "warn",
        message: "tenant missing from an answer",
        ...fields,
        detail: withoutSecrets(observation.detail),
      };
    case "tenant.state":
      return { level: observation.state === "open" ? "warn" : "info", message: "tenant changed its state", ...fields };
    case "lanes.fitted":
      return { level: "info", message: "lanes fitted to the fleet", ...fields };
    case "lane.ran":
      return { level: "debug", message: "lane ran", ...fields };
    case "lane.replaced":
      return { level: "warn", message: "lane replaced", ...fields };
    case "cache.size":
      return { level: "debug", message: "cache changed size", ...fields };
    case "catalog.loaded":
      return { level: observation.changed ? "info" : "debug", message: "catalog loaded", ...fields };
    case "catalog.failed":
      return {
        level: "error",
        message: "catalog could not be read; the previous one, if there is one, stays in use",
        error: describeError(observation.error),
      };
    case "catalog.notice":
      return { level: "warn", message: withoutSecrets(observation.text), tenant: observation.tenant };
    case "arms.judged":
      return { level: "debug", message: "arms judged", ...fields };
    case "parser.replaced":
      return { level: "warn", message: "SQL parser replaced", ...fields };
    case "export.ran":
      return exportLine(observation);
    case "advice":
      return { level: "warn", message: withoutSecrets(observation.text) };
    default:
      return observation satisfies never;
  }
}

/** A caller's mistake is of interest to the caller; a fault of ours comes with its stack and causes. */
function errorLine(requestId: string, error: AppError): Line {
  const level = error.code === "INTERNAL" ? "error" : error.source === "client" ? "info" : "warn";
  return {
    level,
    message: withoutSecrets(error.message),
    requestId,
    code: error.code,
    source: error.source,
    ...(level === "error" ? { error: describeError(error) } : { cause: describeCause(error.cause) }),
  };
}

function exportLine({ queryName, ok, series, seconds, error }: Extract<Observation, { kind: "export.ran" }>): Line {
  const fields = { queryName, ok, series, seconds };
  if (error === undefined) return { level: "debug", message: "export ran", ...fields };
  const message = `export failed: ${withoutSecrets(error.message)}`;
  return { level: "warn", message, ...fields, code: error.code, hint: error.hint, cause: describeCause(error.cause) };
}

interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorRecord;
}

/** Only these fields: a driver's error object carries host, detail and the statement as properties. */
function describeError(error: Error, depth = 0): ErrorRecord {
  const cause = depth < 4 ? describeCause(error.cause, depth + 1) : undefined;
  return {
    name: error.name,
    message: withoutSecrets(error.message),
    ...(error.stack === undefined ? {} : { stack: withoutSecrets(error.stack) }),
    ...(cause === undefined ? {} : { cause }),
  };
}

function describeCause(cause: unknown, depth = 0): ErrorRecord | undefined {
  return cause instanceof Error ? describeError(cause, depth) : undefined;
}
