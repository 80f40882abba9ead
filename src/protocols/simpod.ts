import type { z } from "zod";
import { labelValues, viewFleet } from "./fleet-view.ts";
import { readInput } from "./read-input.ts";
import type { ProtocolServices } from "./rest.ts";
import { jsonAnswer, type Route, type RouteAnswer, type RouteContext } from "./route.ts";
import { readAnnotations } from "./simpod-annotations.ts";
import {
  simpodAnnotationsSchema,
  simpodAnySchema,
  simpodOptionsSchema,
  simpodQuerySchema,
  simpodSearchSchema,
  simpodTagValuesSchema,
  simpodVariableSchema,
} from "./simpod-input.ts";
import { listFieldOptions, listMetrics } from "./simpod-metrics.ts";
import { runSimpodQuery } from "./simpod-query.ts";
import { readVariable } from "./simpod-variable.ts";

/** The routes under `/grafana`, for simPod's JSON datasource and the older SimpleJson. */
export function simpodRoutes(services: ProtocolServices): readonly Route[] {
  const { config, catalog } = services;
  const { tenantColumn } = config.tenants;
  return [
    {
      method: "GET",
      path: "/grafana",
      summary: "Answers the plugin's Save & test.",
      access: "caller",
      run: async () => jsonAnswer({ status: "ok" }),
    },
    {
      ...post("/grafana/query", "Runs the targets of a panel.", simpodQuerySchema, (body, context) =>
        runSimpodQuery(body, services, context),
      ),
      answersQuery: true,
    },
    post("/grafana/metrics", "Lists what the query editor offers.", simpodAnySchema, async () =>
      jsonAnswer(listMetrics(config)),
    ),
    post(
      "/grafana/metric-payload-options",
      "Lists the choices of a field of the query editor.",
      simpodOptionsSchema,
      async (body, { principal }) =>
        jsonAnswer(listFieldOptions({ metric: body.metric, name: body.name }, services, principal)),
    ),
    post(
      "/grafana/variable",
      "Lists the choices of a dashboard variable.",
      simpodVariableSchema,
      async (body, context) => {
        const { options, summary } = await readVariable(body.payload, body.range, services, context);
        const choices = options.map(({ text, value }) => ({ __text: text, __value: value }));
        return jsonAnswer(choices, summary);
      },
    ),
    post(
      "/grafana/search",
      "Lists targets, or the choices of a variable, for the older plugin.",
      simpodSearchSchema,
      async (body, context) => {
        // Its query editor sends a type; its variables do not.
        const asksForTargets = !body.target?.trim() || typeof body.type === "string";
        if (asksForTargets) return jsonAnswer(["sql", ...Object.keys(config.queries)]);
        const { options, summary } = await readVariable(body.target, body.range, services, context);
        return jsonAnswer(options, summary);
      },
    ),
    {
      ...post(
        "/grafana/annotations",
        "Runs an annotation query of the older plugin.",
        simpodAnnotationsSchema,
        async (body, context) => {
          const { annotations, summary } = await readAnnotations(body, services, context);
          return jsonAnswer(annotations, summary);
        },
      ),
      answersQuery: true,
    },
    post("/grafana/tag-keys", "Lists the keys of ad hoc filters.", simpodAnySchema, async (_body, { principal }) =>
      jsonAnswer(
        [tenantColumn, ...viewFleet(catalog(), principal).labelKeys].map((text) => ({ type: "string", text })),
      ),
    ),
    post(
      "/grafana/tag-values",
      "Lists the values of a key of ad hoc filters.",
      simpodTagValuesSchema,
      async ({ key }, { principal }) => {
        const fleet = viewFleet(catalog(), principal);
        const isTenant = key === "tenant" || key === tenantColumn;
        const values = isTenant ? fleet.tenants.map(({ name }) => name) : labelValues(fleet, key);
        return jsonAnswer(values.map((text) => ({ text })));
      },
    ),
  ];
}

function post<Schema extends z.ZodType>(
  path: string,
  summary: string,
  input: Schema,
  run: (body: z.output<Schema>, context: RouteContext) => Promise<RouteAnswer>,
): Route {
  return {
    method: "POST",
    path,
    summary,
    access: "caller",
    input,
    run: (context) => run(readInput(input, context.body, "body"), context),
  };
}
