import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.ts";
import { buildRequest } from "../../src/protocols/build-request.ts";
import { compileTemplate } from "../../src/sql/compile-template.ts";
import { createParser, type Parser } from "../../src/sql/parser.ts";
import { ALL_REWRITES } from "../../src/sql/rewrites.ts";
import { scanTemplate } from "../../src/template/scan.ts";
import type { ParamDeclarationValue } from "../../src/types.ts";
import { interpolate } from "../support/grafana/interpolate.ts";
import type { PanelContext } from "../support/grafana/panel-context.ts";
import { REPOSITORY, readAlertGroups, readDashboards } from "../support/grafana/provisioning.ts";

// The SQL of named queries, panels and alert rules, compiled as Tenantry does before it asks any database.

const panel: PanelContext = {
  range: { fromMs: 1_763_798_400_000, toMs: 1_763_820_000_000 },
  intervalMs: 20_000,
  maxDataPoints: 1000,
  variables: new Map([["tenant", ["tenant_0"]]]),
};
const COLUMNS: readonly string[] = [
  "id",
  "kind",
  "last_updated",
  "entity_id",
  "amount",
  "placed_at",
  "status",
  "state",
  "queued_at",
  "finished_at",
];

const config = await loadConfig({
  file: join(REPOSITORY, "examples/fleet.yaml"),
  env: {
    FEDERATION_QUERY_URL: "postgres://q:q@federation/federation",
    FEDERATION_ADMIN_URL: "postgres://o:o@federation/federation",
    TENANT_PASSWORD: "t",
    GRAFANA_TOKEN_SHA256: "a".repeat(64),
    PROMETHEUS_TOKEN_SHA256: "b".repeat(64),
  },
});

const savedSchema = z.object({
  url_options: z
    .object({ params: z.array(z.object({ key: z.string(), value: z.string() })), data: z.string().optional() })
    .optional(),
  params: z.array(z.tuple([z.string(), z.string()])).optional(),
  payload: z.string().optional(),
});

/** The SQL in a saved target of any plugin: a URL parameter, or a member of a JSON body. */
function sqlOf(saved: unknown): readonly string[] {
  const { url_options: url, params = [], payload = "" } = savedSchema.parse(saved);
  const parameters = [...params, ...(url?.params ?? []).map(({ key, value }) => [key, value] as const)];
  const bodies = `${payload}\n${url?.data ?? ""}`.matchAll(/"sql": ("(?:[^"\\]|\\.)*")/g);
  return [
    ...parameters.filter(([key]) => key === "sql").map(([, value]) => value),
    ...[...bodies].map(([, text = '""']) => z.string().parse(JSON.parse(text))),
  ];
}

const targets = (await readDashboards()).flatMap(({ panels }) => panels.flatMap((item) => item.targets));
const rules = (await readAlertGroups()).flatMap((group) => group.rules);
/** As it leaves the browser or, for a rule, the server: the one fills in the interval, the other does not. */
const texts = [
  ...targets.flatMap(sqlOf).map((text) => interpolate(text, panel)),
  ...rules.flatMap(({ data }) => sqlOf(data[0]?.model)),
];

let parser: Parser;
beforeAll(() => {
  parser = createParser({ observe: () => undefined });
});
afterAll(() => parser.close());

const compile = (sql: string, params: ReadonlyMap<string, ParamDeclarationValue> = new Map()) =>
  compileTemplate(scanTemplate(sql), {
    parser,
    range: panel.range,
    intervalMs: panel.intervalMs,
    nowMs: panel.range.toMs,
    params,
    tenantColumn: "tenant",
    allowFunctions: new Set(),
    rewrites: ALL_REWRITES,
    folding: null,
    isFunction: () => true,
    columnsOf: () => new Map(COLUMNS.map((name) => [name, { types: new Set<string>(), everywhere: true }])),
  });

test.each(Object.keys(config.queries))("named query %s", async (query) => {
  const { sql, params } = buildRequest({ query }, { config, nowMs: panel.range.toMs });
  const { blocks } = await compile(sql, params);
  expect(blocks).toHaveLength(1);
});

test("panels and rules", async () => {
  expect(texts).toHaveLength(8);
  for (const text of texts) {
    const { blocks } = await compile(text);
    expect(blocks, text).toHaveLength(1);
  }
});
