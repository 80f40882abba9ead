import { z } from "zod";
import { ERRORS } from "../errors.ts";
import { ANSWER_HEADERS, type Route } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI 3.1 document of the routes, made of the schemas that read their input. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths = new Map<string, Record<string, Json>>();
  for (const route of routes) {
    paths.set(route.path, { ...paths.get(route.path), [route.method.toLowerCase()]: describeRoute(route) });
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tenantry",
      version: "1",
      description: "SQL over every tenant database, as JSON for Grafana and scripts.",
      license: { name: "MIT", identifier: "MIT" },
    },
    security: [{ token: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Error: z.toJSONSchema(errorBodySchema, { io: "output" }) },
    },
  };
}

/** The body of every error. */
const errorBodySchema = z.object({
  message: z.string().describe("What was wrong, with which value."),
  error: z.string().describe(`The error's code: ${Object.keys(ERRORS).join(", ")}.`),
  hint: z.string().nullable().describe("What to do."),
  position: z
    .object({ line: z.int(), column: z.int(), offset: z.int() })
    .nullable()
    .describe("Place in the SQL or the body; line and column count from 1."),
});

function describeRoute(route: Route): Json {
  const schema = route.input === undefined ? null : z.toJSONSchema(route.input, { io: "input" });
  return {
    operationId: operationId(route),
    summary: route.summary,
    parameters: [...pathParameters(route), ...(route.method === "GET" ? urlParameters(schema) : [])],
    ...(route.method === "POST" && schema !== null
      ? { requestBody: { required: true, content: { "application/json": { schema } } } }
      : {}),
    responses: {
      "200": {
        description: "The answer.",
        ...(route.answersQuery === true ? { headers: describedHeaders() } : {}),
        content: Object.fromEntries((route.contentTypes ?? ["application/json"]).map((type) => [type, {}])),
      },
      default: {
        description: "An error; the reason phrase has its message too.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function describedHeaders(): Json {
  return Object.fromEntries(
    Object.entries(ANSWER_HEADERS).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
  );
}

function operationId({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return [method.toLowerCase(), ...(words.length === 0 ? ["root"] : words)].join("_");
}

function pathParameters({ path }: Route): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function urlParameters(schema: Json | null): readonly Json[] {
  const properties: unknown = schema?.properties;
  const required: unknown = schema?.required;
  if (typeof properties !== "object" || properties === null) return [];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: "query",
    required: Array.isArray(required) && required.includes(name),
    schema: property,
  }));
}
