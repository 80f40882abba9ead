import type { Config } from "../config/schema.ts";
import { formatDuration } from "../config/units.ts";
import type { Catalog, Principal, QueryRequest, QueryService, TenantDoubt } from "../types.ts";
import { buildRequest, findQuery } from "./build-request.ts";
import { viewFleet } from "./fleet-view.ts";
import {
  namedQueryParametersSchema,
  queryBodySchema,
  queryParametersSchema,
  readQueryBody,
  readQueryParameters,
} from "./rest-input.ts";
import { isStreamed, jsonAnswer, queryAnswer, type Route } from "./route.ts";

/** What the routes work with. */
export interface ProtocolServices {
  readonly config: Config;
  readonly service: QueryService;
  readonly catalog: () => Catalog | null;
  /** Tenants that are down or on trial. */
  readonly doubts: () => readonly TenantDoubt[];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

const ANSWER_TYPES = ["application/json", "application/x-ndjson", "text/csv"];
const NAMED_PARAMETERS = Object.keys(namedQueryParametersSchema.shape);
const PARAMETERS = Object.keys(queryParametersSchema.shape);

/** The routes under `/v1`, for scripts, Infinity and the JSON API datasource. */
export function restRoutes({ config, service, catalog, doubts, now }: ProtocolServices): readonly Route[] {
  const defaults = () => ({ config, nowMs: now() });
  const answer = async (request: QueryRequest, principal: Principal, signal: AbortSignal) => {
    const ask = request.format === "ndjson" ? service.stream : service.run;
    const made = await ask(request, principal, signal);
    return isStreamed(made) ? made : queryAnswer(made);
  };
  return [
    {
      method: "POST",
      path: "/v1/query",
      summary: "Runs a template, or a named query.",
      access: "caller",
      input: queryBodySchema,
      contentTypes: ANSWER_TYPES,
      answersQuery: true,
      run: async ({ body, principal, signal }) =>
        answer(buildRequest(readQueryBody(body), defaults()), principal, signal),
    },
    {
      method: "GET",
      path: "/v1/query",
      summary: "Runs a template that stands in the URL.",
      access: "caller",
      input: queryParametersSchema,
      contentTypes: ANSWER_TYPES,
      answersQuery: true,
      run: async ({ search, principal, signal }) =>
        answer(buildRequest(readQueryParameters(search, PARAMETERS), defaults()), principal, signal),
    },
    {
      method: "GET",
      path: "/v1/queries",
      summary: "Lists the named queries.",
      access: "caller",
      run: async () => jsonAnswer(Object.entries(config.queries).map(([name, query]) => describeQuery(name, query))),
    },
    {
      method: "GET",
      path: "/v1/queries/{name}",
      summary: "Runs a named query; its parameters are param.<name>.",
      access: "caller",
      input: namedQueryParametersSchema,
      contentTypes: ANSWER_TYPES,
      answersQuery: true,
      run: async ({ path, search, principal, signal }) => {
        const query = path.get("name") ?? "";
        // A wrong name is the better news than a wrong parameter.
        findQuery(query, config);
        const raw = { ...readQueryParameters(search, NAMED_PARAMETERS), query };
        return answer(buildRequest(raw, defaults()), principal, signal);
      },
    },
    {
      method: "POST",
      path: "/v1/explain",
      summary: "Tells how a template or a named query would run; runs nothing.",
      access: "caller",
      input: queryBodySchema,
      run: async ({ body, principal, signal }) =>
        jsonAnswer(await service.explain(buildRequest(readQueryBody(body), defaults()), principal, signal)),
    },
    {
      method: "GET",
      path: "/v1/tenants",
      summary: "Lists the tenants that the caller may see.",
      access: "caller",
      run: async ({ principal }) => {
        const doubtOf = new Map(doubts().map((doubt) => [doubt.tenant, doubt]));
        const listed = viewFleet(catalog(), principal).tenants.map(({ name, labels, state, relations }) => {
          const doubt = doubtOf.get(name);
          return {
            // Names that Grafana's variables look for.
            __text: name,
            __value: name,
            tenant: name,
            labels,
            state,
            health: doubt?.state ?? "closed",
            reason: doubt?.reason ?? null,
            since: doubt?.sinceMs ?? null,
            relations: [...relations.keys()].sort(),
          };
        });
        return jsonAnswer(listed);
      },
    },
  ];
}

function describeQuery(name: string, query: Config["queries"][string]) {
  return {
    name,
    description: query.description,
    url: `/v1/queries/${name}`,
    params: Object.entries(query.params).map(([param, { type, default: fallback, values }]) => ({
      name: param,
      type,
      default: fallback ?? null,
      values: values ?? null,
    })),
    range: formatDuration(query.range),
    interval: formatDuration(query.interval),
    partial: query.partial,
    metric: query.export?.name ?? null,
  };
}
