import { createHash } from "node:crypto";
import { connect } from "node:net";
import { type Config, configSchema } from "../../../src/config/schema.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../../src/http/server.ts";
import type { Observation } from "../../../src/observation.ts";
import type {
  Answer,
  Catalog,
  CatalogTenant,
  Principal,
  QueryRequest,
  QueryService,
  StreamedAnswer,
} from "../../../src/types.ts";

/** A question that reached the service. */
export interface Asked {
  readonly request: QueryRequest;
  readonly principal: Principal;
  readonly signal: AbortSignal;
}

export interface Served extends HttpServer {
  readonly asked: readonly Asked[];
  readonly observed: readonly Observation[];
  /** What scrapes of `/metrics` were allowed to take. */
  readonly scrapes: readonly (number | null)[];
}

export interface ServeOptions {
  readonly config?: Record<string, unknown>;
  readonly run?: (asked: Asked) => Promise<Answer>;
  /** As `run` when absent. */
  readonly stream?: (asked: Asked) => Promise<Answer | StreamedAnswer>;
  readonly options?: Partial<HttpServerOptions>;
}

export const NOW_MS = Date.parse("2026-11-22T14:00:00.000Z");

/** A server on a free port over a service that answers as the test says; `close` it. */
export async function serve({
  config = {},
  run = async () => answer("[]"),
  stream = run,
  options = {},
}: ServeOptions = {}): Promise<Served> {
  const asked: Asked[] = [];
  const observed: Observation[] = [];
  const scrapes: (number | null)[] = [];
  const service: QueryService = {
    run: async (request, principal, signal) => {
      const question = { request, principal, signal };
      asked.push(question);
      return run(question);
    },
    stream: async (request, principal, signal) => {
      const question = { request, principal, signal };
      asked.push(question);
      return stream(question);
    },
    explain: async (request) => ({
      expandedSql: request.sql,
      blocks: [],
      outerSql: null,
      moved: [],
      expected: 2,
      leftOut: [],
      notices: [],
    }),
  };
  const server = await createHttpServer({
    config: settings(config),
    service,
    catalog: () => FLEET,
    doubts: () => [],
    ready: async () => ({ ok: true }),
    metricsText: async (timeoutMs) => {
      scrapes.push(timeoutMs);
      return { contentType: "text/plain; version=0.0.4; charset=utf-8", body: "up 1\n" };
    },
    observe: (observation) => observed.push(observation),
    now: () => NOW_MS,
    ...options,
  });
  return { ...server, asked, observed, scrapes };
}

function settings(overrides: Record<string, unknown>): Config {
  return configSchema.parse({
    server: { port: 0 },
    federation: { url: "postgres://localhost/federation" },
    queries: {
      staleness: {
        description: "Age of the stalest row",
        sql: "SELECT max(age) AS value FROM $<tenant>_entities WHERE n < $param(limit)",
        params: {
          limit: { type: "integer", default: 10 },
          plan: { type: "text", default: "pro", values: ["pro", "free"] },
        },
        partial: "90%",
        require: ["acme"],
      },
    },
    ...overrides,
  });
}

/** Two tokens: `all` sees every tenant, `pro` those with plan=pro. */
export const TOKENS = {
  tokens: [
    { name: "everyone", sha256: sha256("all"), tenants: "*" },
    { name: "pro-team", sha256: sha256("pro"), tenants: "plan=pro" },
  ],
};

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export const FLEET: Catalog = {
  version: "1",
  loadedAtMs: NOW_MS - 12_000,
  localRelations: new Map(),
  tenants: new Map([
    tenant("acme", { plan: "pro", region: "eu" }),
    tenant("globex", { plan: "free", region: "us" }),
    tenant("initech", { plan: "pro" }),
  ]),
};

function tenant(name: string, labels: Record<string, string>): [string, CatalogTenant] {
  const entities = {
    schema: "public",
    name: `${name}_entities`,
    quoted: `"public"."${name}_entities"`,
    reads: [],
    columns: [{ name: "id", type: "integer", position: 1 }],
  };
  return [
    name,
    { name, labels, state: "ready", servers: [`${name}_fdw_target`], relations: new Map([["entities", entities]]) },
  ];
}

/** An answer with this body; `elements` are found where the body is an array of flat objects. */
export function answer(body: string, overrides: Partial<Answer> = {}): Answer {
  const elements: { start: number; end: number }[] = [];
  for (const match of body.matchAll(/\{[^{}]*\}/g))
    elements.push({ start: match.index, end: match.index + match[0].length });
  return {
    contentType: "application/json; charset=utf-8",
    body: Buffer.from(body),
    elements,
    coverage: {
      expected: 3,
      answered: 2,
      failed: [{ tenant: "globex", reason: "timeout", detail: "no answer within 10 s" }],
      truncated: false,
    },
    notices: [],
    cache: "miss",
    ageSeconds: 3.7,
    timings: new Map([["execute", 12.345]]),
    ...overrides,
  };
}

/** Sends the bytes as they are and gives everything that comes back until the server ends the connection. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
  });
}

/** Posts JSON. */
export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers });
}
