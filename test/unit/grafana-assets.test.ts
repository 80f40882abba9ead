import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { MACROS } from "../../src/template/macros.ts";
import { type AlertRule, expressionSchema } from "../support/grafana/alerting.ts";
import { expandBackendMacros, type InfinityQuery, infinityQuerySchema } from "../support/grafana/infinity.ts";
import { jsonApiTargetSchema } from "../support/grafana/json-api.ts";
import { exposedNames, metricNames } from "../support/grafana/prometheus.ts";
import {
  type Dashboard,
  REPOSITORY,
  readAlertGroups,
  readDashboards,
  readDatasources,
  type Target,
} from "../support/grafana/provisioning.ts";
import { readPrometheusRules } from "../support/grafana/rule-files.ts";
import { simpodTargetSchema } from "../support/grafana/simpod.ts";

const ENV = {
  FEDERATION_QUERY_URL: "postgres://tenantry_query:q@federation/federation",
  FEDERATION_ADMIN_URL: "postgres://tenantry_owner:o@federation/federation",
  TENANT_PASSWORD: "t",
  GRAFANA_TOKEN_SHA256: "a".repeat(64),
  PROMETHEUS_TOKEN_SHA256: "b".repeat(64),
};
const RANGE = { fromMs: 1_763_798_400_000, toMs: 1_763_820_000_000 };

let config: Config;
let dashboards: readonly Dashboard[];
let rules: readonly AlertRule[];

beforeAll(async () => {
  config = await loadConfig({ file: join(REPOSITORY, "examples/fleet.yaml"), env: ENV });
  dashboards = await readDashboards();
  rules = (await readAlertGroups()).flatMap((group) => group.rules);
});

const targetsOf = (dashboard: Dashboard): readonly Target[] => dashboard.panels.flatMap((panel) => panel.targets);
const allTargets = (): readonly Target[] => dashboards.flatMap(targetsOf);
const infinityOf = (rule: AlertRule): InfinityQuery => infinityQuerySchema.parse(rule.data[0]?.model);

describe("examples/fleet.yaml", () => {
  test("loads, and names the fleet of docker-compose.yml", () => {
    expect(config.tenants.registry).toHaveLength(81);
    expect(config.tenants.registry[7]).toMatchObject({
      name: "tenant_7",
      url: "postgres://tenantry_reader:t@tenants-eu/tenant_7",
      labels: { plan: "free", region: "eu" },
    });
    expect(Object.values(config.queries).every((query) => query.description !== "")).toBe(true);
  });

  test("exports queries as metrics", () => {
    const exported = Object.values(config.queries).flatMap((query) => query.export?.name ?? []);
    expect(exported).toEqual(["entity_staleness_seconds", "job_backlog", "job_failure_ratio"]);
  });
});

describe("datasources", () => {
  test("those that dashboards and rules name are provisioned, with the same type", async () => {
    const types = new Map((await readDatasources({})).map(({ uid, type }) => [uid, type]));
    const variables = dashboards.flatMap(({ templating }) =>
      templating.list.flatMap(({ datasource }) => datasource ?? []),
    );
    for (const { uid, type } of [...allTargets().map(({ datasource }) => datasource), ...variables]) {
      expect(types.get(uid), uid).toBe(type);
    }
    const ruleUids = rules.flatMap(({ data }) => data.map(({ datasourceUid }) => datasourceUid));
    expect(new Set(ruleUids)).toEqual(new Set(["tenants", "__expr__"]));
  });

  test("hold no secret: each comes from the environment", async () => {
    const withToken = await readDatasources({ DATASOURCE_TOKEN: "token-of-the-test" });
    expect(withToken.map(({ secureJsonData }) => Object.values(secureJsonData))).toEqual([
      ["token-of-the-test"],
      ["Bearer token-of-the-test"],
      ["Bearer token-of-the-test"],
      [],
    ]);
  });
});

describe("dashboards", () => {
  test("have ids of their own, and ask something in every panel", () => {
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
    for (const { uid, panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size, uid).toBe(panels.length);
      expect(panels.filter(({ type, targets }) => type !== "row" && targets.length === 0)).toEqual([]);
      expect(panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
    }
  });

  test("use only variables that exist where they are used, and macros that Tenantry or the plugin knows", () => {
    const macros = [...MACROS.keys(), "__timefrom", "__timeto", "__unixepochfrom", "__unixepochto", "__rate_interval"];
    for (const { uid, panels, templating } of dashboards) {
      const variables = templating.list.map(({ name }) => name);
      const known = new Set([...variables, ...macros]);
      const used = [...JSON.stringify(panels.map(({ targets }) => targets)).matchAll(/\$\{?(\w+)/g)];
      const names = used.map(([, name = ""]) => (name.startsWith("__") ? name.toLowerCase() : name));
      expect(
        names.filter((name) => !known.has(name)),
        uid,
      ).toEqual([]);
      expect(variables).toEqual(expect.arrayContaining(panels.flatMap(({ repeat }) => repeat ?? [])));
    }
  });

  test("are read by the clients as they are saved", () => {
    const schemas = new Map<string, { parse(saved: unknown): unknown }>([
      ["tenants", infinityQuerySchema],
      ["tenants-simpod", simpodTargetSchema],
      ["tenants-jsonapi", jsonApiTargetSchema],
    ]);
    for (const target of allTargets()) schemas.get(target.datasource.uid)?.parse(target);
    expect(new Set(allTargets().map(({ datasource }) => datasource.uid))).toEqual(new Set([...schemas.keys(), "prom"]));
  });
});

test("every named query that is asked for exists, with the parameters that are given", () => {
  const asked = [...allTargets(), ...rules.map(infinityOf)].map((target) => JSON.stringify(target));
  const uses = asked.flatMap((text) => {
    const name = /\/v1\/queries\/(\w+)/.exec(text)?.[1];
    return name === undefined
      ? []
      : [{ name, params: [...text.matchAll(/"param\.(\w+)"/g)].map(([, param]) => param) }];
  });
  expect(uses.length).toBeGreaterThan(15);
  for (const { name, params } of uses) {
    expect(Object.keys(config.queries)).toContain(name);
    expect(Object.keys(config.queries[name]?.params ?? {})).toEqual(expect.arrayContaining(params));
  }
  const simpod = allTargets().filter(({ datasource }) => datasource.uid === "tenants-simpod");
  expect(simpod.filter(({ target }) => target !== "sql" && !Object.hasOwn(config.queries, String(target)))).toEqual([]);
});

describe("alert rules", () => {
  test("write every $ twice but that of $<tenant>, so that Grafana's start-up leaves it", async () => {
    const text = await readFile(join(REPOSITORY, "provisioning/alerting/tenantry.yaml"), "utf8");
    const lines = text.split("\n").filter((line) => !line.trimStart().startsWith("#"));
    expect(lines.filter((line) => /(?<!\$)(?:\$\$)*\$(?![$<])/.test(line))).toEqual([]);
  });

  test("have uids of their own and conditions over what they query", () => {
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
    for (const { uid, condition, data } of rules) {
      const refIds = data.map(({ refId }) => refId);
      expect(refIds.at(-1), uid).toBe(condition);
      for (const [index, { refId, model }] of data.entries()) {
        expect(model.refId).toBe(refId);
        if (index > 0) expect(refIds.slice(0, index)).toContain(expressionSchema.parse(model).expression);
      }
    }
  });

  test("use the backend parser with one value column, the tenant, and a bound of coverage", () => {
    for (const rule of rules) {
      const query = infinityOf(rule);
      expect(query.parser).toBe("backend");
      expect(query.columns.filter(({ type }) => type === "number").map(({ text }) => text)).toEqual(["value"]);
      expect(query.columns.map(({ text }) => text)).toContain("tenant");
      const partial = query.url_options.params.find(({ key }) => key === "partial")?.value;
      expect(partial, rule.uid).toBe(rule.uid === "tenantry-tenant-down" ? "allow" : "90%");
    }
  });

  test("hold nothing that only a browser fills in", () => {
    for (const rule of rules) {
      const { url, url_options: options } = infinityOf(rule);
      const texts = [url, ...options.params.map(({ value }) => value)].map((text) => expandBackendMacros(text, RANGE));
      expect(
        texts.filter((text) => /\$\{|\$__interval|\$tenant/.test(text)),
        rule.uid,
      ).toEqual([]);
    }
  });

  test("keep their last state when Tenantry fails, but for the one that tells of it", () => {
    expect(rules.filter(({ execErrState }) => execErrState !== "KeepLast").map(({ uid }) => uid)).toEqual([
      "tenantry-coverage",
    ]);
  });
});

test("Prometheus expressions read metrics that Tenantry has", async () => {
  const metrics = createMetrics();
  const { body } = await metrics.text();
  metrics.close();
  const exported = Object.values(config.queries).flatMap((query) => query.export?.name ?? []);
  // `up` is Prometheus's own.
  const known = new Set([...exposedNames(body), ...exported, "up"]);
  const panels = allTargets().flatMap(({ expr }) => (typeof expr === "string" ? [expr] : []));
  const expressions = [...panels, ...(await readPrometheusRules()).map(({ expr }) => expr)];
  expect(expressions.length).toBeGreaterThan(20);
  for (const expression of expressions) {
    const names = metricNames(expression);
    expect(names.length, expression).toBeGreaterThan(0);
    expect(
      names.filter((name) => !known.has(name)),
      expression,
    ).toEqual([]);
  }
});
