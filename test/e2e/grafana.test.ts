import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AlertRule } from "../support/grafana/alerting.ts";
import { evaluateRule } from "../support/grafana/alerting.ts";
import { askVariables } from "../support/grafana/ask-variables.ts";
import { type DemoProcess, startDemo } from "../support/grafana/demo-process.ts";
import type { PanelContext } from "../support/grafana/panel-context.ts";
import { exposedNames, metricNames } from "../support/grafana/prometheus.ts";
import { type Dashboard, readAlertGroups, readDashboards } from "../support/grafana/provisioning.ts";
import { readPrometheusRules } from "../support/grafana/rule-files.ts";
import { type PanelData, runTarget } from "../support/grafana/run-target.ts";
import { createSend, type Send } from "../support/grafana/wire.ts";

// Everything that Grafana would ask, asked of the built demo by clients that follow the plugins' rules.

const TENANTS = 9;
/** Panels about the whole fleet, whose answers name no tenant. */
const WHOLE_FLEET = new Set(["Fleet", "Jobs waiting, whole fleet", "Stalest tenant", "Orders a minute, whole fleet"]);

let demo: DemoProcess;
let send: Send;
const nowMs = Date.now();

beforeAll(async () => {
  demo = await startDemo({ tenants: TENANTS });
  send = createSend(demo.ready.url);
});

afterAll(async () => {
  await demo?.close();
});

const dashboards = await readDashboards();
const rules = (await readAlertGroups()).flatMap((group) => group.rules);
const names = Array.from({ length: TENANTS }, (_, index) => `tenant_${index}`);

async function contextOf(dashboard: Dashboard): Promise<PanelContext> {
  const context = {
    range: { fromMs: nowMs - 6 * 3_600_000, toMs: nowMs },
    intervalMs: 60_000,
    maxDataPoints: 1000,
    variables: new Map(),
  };
  return { ...context, variables: await askVariables(dashboard.templating.list, context, send) };
}

const panels = dashboards.flatMap((dashboard) =>
  dashboard.panels.flatMap((panel) => panel.targets.map((target) => ({ dashboard, panel, target }))),
);
const askable = panels.filter(({ target }) => target.datasource.type !== "prometheus");

describe("panels", () => {
  test.each(askable.map((item) => [item.dashboard.title, item.panel.title, item] as const))(
    "%s: %s",
    async (_, title, { dashboard, panel, target }) => {
      const data = await runTarget(target, await contextOf(dashboard), send);
      expect(data.values).toBeGreaterThan(0);
      if (WHOLE_FLEET.has(title)) expect(data.tenants).toEqual([]);
      else expectTenants(data, dashboard);
      if (panel.type === "timeseries") expect(data.isTimeSeries).toBe(true);
    },
  );

  function expectTenants(data: PanelData, dashboard: Dashboard): void {
    const unknown = data.tenants.filter((tenant) => !names.includes(tenant));
    expect(unknown, dashboard.uid).toEqual([]);
    expect(data.tenants.length).toBeGreaterThan(0);
  }

  test("name the tenant that they leave out", async () => {
    const found = askable.find(({ panel }) => panel.title === "Orders by status");
    if (found === undefined) throw new Error("the panel is gone");
    const data = await runTarget(found.target, await contextOf(found.dashboard), send);
    expect(data.notices.join("\n")).toContain("tenant_7");
    expect(data.tenants).not.toContain("tenant_7");
  });
});

describe("alert rules", () => {
  const evaluate = (rule: AlertRule) => evaluateRule(rule, nowMs, send);
  const ruleOf = (uid: string): AlertRule => {
    const rule = rules.find((candidate) => candidate.uid === uid);
    if (rule === undefined) throw new Error(`no rule ${uid}`);
    return rule;
  };

  test.each(rules.map((rule) => [rule.uid, rule] as const))("%s", async (uid, rule) => {
    const instances = await evaluate(rule);
    const tenants = instances.map(({ labels }) => labels.tenant);
    expect(instances.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
    expect(instances.every(({ labels }) => Object.keys(labels).join() === "tenant")).toBe(true);
    if (uid === "tenantry-tenant-down") return expect(tenants).toEqual([]);
    if (uid === "tenantry-enterprise-orders") return expect(tenants).toEqual(["tenant_3"]);
    if (uid === "tenantry-failed-jobs") return expect(tenants.length).toBeGreaterThan(0);
    return expect(tenants.sort()).toEqual(names);
  });

  test("ring at their thresholds only", async () => {
    const rule = ruleOf("tenantry-entity-staleness");
    expect((await evaluate(rule)).filter(({ firing }) => firing)).toEqual([]);
    const strict = structuredClone(rule);
    Object.assign(strict.data[1]?.model ?? {}, { conditions: [{ evaluator: { type: "gt", params: [1] } }] });
    expect((await evaluate(strict)).filter(({ firing }) => firing)).toHaveLength(TENANTS);
  });
});

describe("Prometheus", () => {
  test("finds every metric of the dashboards and rules", async () => {
    const { text } = await send({ method: "GET", path: "/metrics", headers: {} });
    const known = new Set([...exposedNames(text), "up"]);
    const expressions = panels.flatMap(({ target }) => (typeof target.expr === "string" ? [target.expr] : []));
    const all = [...expressions, ...(await readPrometheusRules()).map(({ expr }) => expr)];
    expect(all.flatMap(metricNames).filter((name) => !known.has(name))).toEqual([]);
    expect(text).toMatch(/^entity_staleness_seconds\{tenant="tenant_0"\} [\d.]+$/m);
  });
});
