import { AppError, toAppError } from "../errors.ts";
import type { Answer, Format, Principal, QueryRequest } from "../types.ts";
import { applyAdHocFilters, intersectTenants } from "./ad-hoc-filters.ts";
import { buildRequest, parseFormat } from "./build-request.ts";
import { viewFleet } from "./fleet-view.ts";
import { joinFrames } from "./ref-id.ts";
import type { ProtocolServices } from "./rest.ts";
import { JSON_TYPE, type RouteAnswer } from "./route.ts";
import { readTargetQuery, type SimpodQuery, type SimpodTarget } from "./simpod-input.ts";
import { summariseAnswers } from "./summarise-answers.ts";

const FRAME_FORMATS: readonly Format[] = ["frame", "timeserie", "table"];

/**
 * Runs the targets of a panel side by side and answers one array of frames, in the order of the targets. Hidden and empty
 * targets are left out. The first target that fails fails the request and stops the others; its message names the refId.
 */
export async function runSimpodQuery(
  body: SimpodQuery,
  services: ProtocolServices,
  caller: { readonly principal: Principal; readonly signal: AbortSignal },
): Promise<RouteAnswer> {
  const targets = body.targets.filter(
    ({ hide, target }) => hide !== true && typeof target === "string" && target.trim() !== "",
  );
  const filtered = applyAdHocFilters(
    [...(body.filters ?? []), ...(body.adhocFilters ?? [])],
    () => viewFleet(services.catalog(), caller.principal),
    services.config.tenants.tenantColumn,
  );
  // All targets are read before any runs: a mistake in the last must not cost the queries of the others.
  const requests = targets.map((target) => nameTarget(target, () => readTarget(target, body, services, filtered)));
  const others = new AbortController();
  const signal = AbortSignal.any([caller.signal, others.signal]);
  const together = Symbol("panel");
  try {
    const answers = await Promise.all(
      requests.map(({ refId, request }) =>
        runTarget(refId, () => services.service.run({ ...request, together }, caller.principal, signal)),
      ),
    );
    return {
      contentType: JSON_TYPE,
      body: joinFrames(answers),
      summary: summariseAnswers(answers.map(({ encoded }) => encoded)),
    };
  } catch (error) {
    others.abort(error);
    throw error;
  }
}

function readTarget(
  target: SimpodTarget,
  body: SimpodQuery,
  { config, now }: ProtocolServices,
  filtered: readonly string[] | null,
): QueryRequest {
  const raw = readTargetQuery(target.target ?? "", target.payload ?? target.data, {
    escaped: target.editorMode === "builder",
  });
  const request = buildRequest(
    {
      ...raw,
      from: body.range?.from,
      to: body.range?.to,
      intervalMs: body.intervalMs,
      maxDataPoints: body.maxDataPoints,
      format: readFrameFormat(raw.format, target.type),
    },
    { config, nowMs: now() },
  );
  return { ...request, tenants: intersectTenants(request.tenants, filtered) };
}

function readFrameFormat(asked: unknown, legacyType: string | null | undefined): Format {
  const legacy = legacyType === "table" || legacyType === "timeserie" ? legacyType : "frame";
  const format = parseFormat(asked, legacy);
  if (FRAME_FORMATS.includes(format)) return format;
  throw new AppError("REQUEST_INVALID", `format: ${format} is not for panels`, {
    hint: "write timeserie, table or frame",
  });
}

function nameTarget(target: SimpodTarget, read: () => QueryRequest): { refId: string; request: QueryRequest } {
  const refId = target.refId ?? "A";
  try {
    return { refId, request: read() };
  } catch (error) {
    throw withRefId(error, refId);
  }
}

async function runTarget(refId: string, run: () => Promise<Answer>): Promise<{ refId: string; encoded: Answer }> {
  try {
    return { refId, encoded: await run() };
  } catch (error) {
    throw withRefId(error, refId);
  }
}

function withRefId(error: unknown, refId: string): AppError {
  const { code, message, hint, position, retryAfterSeconds, cause } = toAppError(error);
  return new AppError(code, `query ${refId}: ${message}`, { hint, position, retryAfterSeconds, cause });
}
