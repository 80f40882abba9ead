import type { z } from "zod";
import { type App, createApp } from "../../src/app.ts";
import { type Config, configSchema } from "../../src/config/schema.ts";
import { AppError } from "../../src/errors.ts";
import type { Observe } from "../../src/observation.ts";
import { createDatabase, type Database } from "../../src/postgres/database.ts";
import type { Rewrite } from "../../src/sql/rewrites.ts";
import { applyOnboarding } from "../../src/tenants/apply-onboarding.ts";
import { planOnboarding } from "../../src/tenants/plan-onboarding.ts";
import type { Answer, Explanation, Labels, Principal, QueryRequest, TenantIdentity } from "../../src/types.ts";
import { type TestTenant, withSql, withTenants } from "./postgres.ts";

type ConfigInput = z.input<typeof configSchema>;

export interface FleetAppOptions {
  /** One text for all tenants' databases, or a text by tenant's name. */
  readonly ddl: string | Readonly<Record<string, string>>;
  /** Relations of the federation database itself. */
  readonly federationDdl?: string;
  readonly labels?: Readonly<Record<string, Labels>>;
  /** Settings beside `server`, `federation` and `tenants.registry`. */
  readonly config?: Omit<ConfigInput, "server" | "federation" | "tenants">;
  readonly federation?: Partial<ConfigInput["federation"]>;
  readonly tenants?: ConfigInput["tenants"];
  /** Where a tenant is reached, when not at its database: through a proxy of the test, for example. */
  readonly urlOf?: (tenant: TestTenant) => string;
  /** How the product reaches the federation database, when not directly. */
  readonly federationUrlOf?: (url: string) => string;
  readonly observe?: Observe;
  /** All, when left out. */
  readonly rewrites?: ReadonlySet<Rewrite>;
}

export type Row = Readonly<Record<string, unknown>>;

/** An answer as a test wants to read it. */
export interface Asked {
  /** The body's rows, when the format is `rows`; empty otherwise. */
  readonly rows: readonly Row[];
  readonly text: string;
  readonly notices: readonly string[];
  readonly answer: Answer;
}

export type Overrides = Partial<QueryRequest> & { readonly principal?: Principal };

/** What a caller is told when a question is refused. */
export type Refusal = Pick<AppError, "code" | "message" | "hint" | "position">;

/** Real tenants, onboarded by the product's own code, and the whole product in front of them. */
export interface FleetApp {
  readonly app: App;
  readonly config: Config;
  /** Where it serves. */
  readonly url: string;
  readonly federationUrl: string;
  readonly tenants: readonly TestTenant[];
  /** Asks the query service; not cached unless `cacheTtlMs` says so. Rejects with `AppError`. */
  readonly ask: (sql: string, overrides?: Overrides) => Promise<Asked>;
  /** The refusal of a question; throws when it is answered. */
  readonly refusal: (sql: string, overrides?: Overrides) => Promise<Refusal>;
  readonly explain: (sql: string, overrides?: Overrides) => Promise<Explanation>;
  /** Runs SQL on each tenant's own database, the expectation beside the product. Rows come with the tenant's name. */
  readonly onEachTenant: (sql: string) => Promise<readonly Row[]>;
  readonly onTenant: (name: string, sql: string) => Promise<readonly Row[]>;
  readonly onFederation: (sql: string) => Promise<readonly Row[]>;
  /** Onboards the registry again: what was added to the tenants' databases, or new `urlOf`s. */
  readonly onboard: () => Promise<void>;
}

export const EVERYBODY: Principal = { name: "test", mayRead: () => true };
/** 2026-01-01, one hour. */
export const RANGE = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 1, 1) };

/** A caller who may see the named tenants. */
export function onlyTenants(...names: readonly string[]): Principal {
  return { name: "scoped", mayRead: (tenant: TenantIdentity) => names.includes(tenant.name) };
}

/** Runs `work` with the product in front of new databases, and takes both away afterwards. */
export async function withFleet<T>(
  names: readonly string[],
  options: FleetAppOptions,
  work: (fleet: FleetApp) => Promise<T>,
): Promise<T> {
  return withTenants(names, options, async ({ federationUrl, tenants }) => {
    const registry = tenants.map((tenant) => ({
      name: tenant.name,
      url: withPassword(options.urlOf?.(tenant) ?? tenant.url),
      labels: { ...options.labels?.[tenant.name] },
    }));
    const config = configSchema.parse({
      ...options.config,
      server: { port: 0 },
      federation: { url: federationUrl, ...options.federation },
      tenants: { registry, ...options.tenants },
    });
    const { federationDdl } = options;
    if (federationDdl !== undefined) await withSql(federationUrl, (database) => database.query(federationDdl));
    await onboardInto(federationUrl, config);
    const { federationUrlOf = (url: string) => url } = options;
    const app = await createApp({
      config: { ...config, federation: { ...config.federation, url: federationUrlOf(config.federation.url) } },
      logLevel: "silent",
      ...(options.observe && { observe: options.observe }),
      ...(options.rewrites && { rewrites: options.rewrites }),
    });
    try {
      const url = await app.listen();
      return await work({
        app,
        config,
        url,
        federationUrl,
        tenants,
        ...questions(app),
        ...databases(federationUrl, tenants),
        onboard: () => onboardInto(federationUrl, config),
      });
    } finally {
      await app.close();
    }
  });
}

/** The same for tests that share a fleet: `close` takes it away. */
export function openFleet(
  names: readonly string[],
  options: FleetAppOptions,
): Promise<FleetApp & { readonly close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const finished: Promise<void> = withFleet(
      names,
      options,
      (fleet) =>
        new Promise<void>((release) => {
          resolve({
            ...fleet,
            close: () => {
              release();
              return finished;
            },
          });
        }),
    );
    finished.catch(reject);
  });
}

/** A request with the defaults of these tests. */
export function requestOf(sql: string, overrides: Partial<QueryRequest> = {}): QueryRequest {
  return {
    sql,
    queryName: null,
    range: RANGE,
    intervalMs: 60_000,
    tenants: null,
    format: "rows",
    partial: "allow",
    params: new Map(),
    cacheTtlMs: 0,
    deadlineMs: 20_000,
    required: [],
    staleMs: 0,
    priority: "interactive",
    ...overrides,
  };
}

/** Rows in an order of their own, for comparing bags. */
export function bag(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((one, other) => compareTexts(JSON.stringify(one), JSON.stringify(other)));
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function questions({ service }: App): Pick<FleetApp, "ask" | "refusal" | "explain"> {
  const ask = async (sql: string, { principal = EVERYBODY, ...request }: Overrides = {}): Promise<Asked> => {
    const answer = await service.run(requestOf(sql, request), principal, new AbortController().signal);
    const text = answer.body.toString();
    return {
      rows: (request.format ?? "rows") === "rows" ? JSON.parse(text) : [],
      text,
      notices: answer.notices.map((notice) => notice.text),
      answer,
    };
  };
  return {
    ask,
    refusal: async (sql, overrides) => {
      const outcome = await ask(sql, overrides).then(
        ({ text }) => new Error(`answered: ${text.slice(0, 500)}`),
        (error: unknown) => error,
      );
      if (!(outcome instanceof AppError)) throw outcome;
      const { code, message, hint, position } = outcome;
      return { code, message, hint, position };
    },
    explain: (sql, { principal = EVERYBODY, ...request } = {}) =>
      service.explain(requestOf(sql, request), principal, new AbortController().signal),
  };
}

function databases(
  federationUrl: string,
  tenants: readonly TestTenant[],
): Pick<FleetApp, "onEachTenant" | "onTenant" | "onFederation"> {
  const run = (url: string, sql: string): Promise<readonly Row[]> => withSql(url, (database) => database.query(sql));
  const onTenant = (name: string, sql: string): Promise<readonly Row[]> => {
    const tenant = tenants.find((candidate) => candidate.name === name);
    if (tenant === undefined) throw new Error(`no tenant ${name}`);
    return run(tenant.url, sql);
  };
  return {
    onTenant,
    onFederation: (sql) => run(federationUrl, sql),
    onEachTenant: async (sql) => {
      const answers = await Promise.all(
        tenants.map(async ({ name }) => (await onTenant(name, sql)).map((row) => ({ ...row, tenant: name }))),
      );
      return answers.flat();
    },
  };
}

async function onboardInto(federationUrl: string, config: Config): Promise<void> {
  const connect = (url: string): Database =>
    createDatabase({ url, applicationName: "tenantry-test", maxConnections: 2, connectTimeoutMs: 5_000 });
  await withSql(federationUrl, async (database) => {
    const plan = await planOnboarding({ database, config, connect });
    const refusal = plan.tenants.find((tenant) => tenant.refusal !== null)?.refusal;
    if (refusal !== undefined && refusal !== null) throw refusal;
    const { failed } = await applyOnboarding(plan, { database });
    const [first] = failed;
    if (first !== undefined) throw first.error;
  });
}

/** The url with a password, which a server of `TEST_DATABASE_URL` that trusts everyone may do without. */
function withPassword(text: string): string {
  const url = new URL(text);
  if (url.password === "") url.password = "unused-password";
  return url.href;
}
