import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { alertRuleSchema } from "./alerting.ts";

/** The repository's folder. */
export const REPOSITORY = new URL("../../../", import.meta.url).pathname;

const datasourceReference = z.object({ type: z.string(), uid: z.string() });

const targetSchema = z.looseObject({ refId: z.string(), datasource: datasourceReference });

const panelSchema = z.looseObject({
  id: z.int().positive(),
  title: z.string(),
  type: z.string(),
  gridPos: z.object({ h: z.int(), w: z.int().max(24), x: z.int(), y: z.int() }),
  targets: z.array(targetSchema).default([]),
});

const variableSchema = z.looseObject({
  name: z.string(),
  type: z.enum(["query", "custom", "textbox"]),
  datasource: datasourceReference.optional(),
  query: z.unknown(),
  current: z.object({ value: z.union([z.string(), z.array(z.string())]).optional() }),
  multi: z.boolean().optional(),
  includeAll: z.boolean().optional(),
  allValue: z.string().optional(),
});

const dashboardSchema = z.looseObject({
  uid: z.string().max(40),
  title: z.string(),
  tags: z.array(z.string()),
  schemaVersion: z.int().min(41),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({ list: z.array(variableSchema) }),
  panels: z.array(panelSchema).min(1),
});

export type Dashboard = z.infer<typeof dashboardSchema>;
export type Panel = z.infer<typeof panelSchema>;
export type Target = z.infer<typeof targetSchema>;
export type Variable = z.infer<typeof variableSchema>;

async function filesIn(folder: string, ending: string): Promise<readonly string[]> {
  const names = await readdir(join(REPOSITORY, folder));
  return names
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(REPOSITORY, folder, name));
}

/** All dashboards of `grafana/dashboards`. Grafana does not expand environment variables in them. */
export async function readDashboards(): Promise<readonly Dashboard[]> {
  const files = await filesIn("grafana/dashboards", ".json");
  return Promise.all(files.map(async (file) => dashboardSchema.parse(JSON.parse(await readFile(file, "utf8")))));
}

/** Go's `os.ExpandEnv`: `$NAME` and `${NAME}` become the variable or nothing; `$` before any other character stays. */
function expandGo(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$(?:\{([^}]*)\}|(\w+|[*#$@!?-]))/g,
    (_, braced: string | undefined, plain: string | undefined) => env[braced ?? plain ?? ""] ?? "",
  );
}

/** Grafana's expansion of a provisioned text: environment variables, and `$$` for a `$` that stays. */
export function expandEnv(text: string, env: Readonly<Record<string, string>>): string {
  return text
    .split("$$")
    .map((part) => expandGo(part, env))
    .join("$");
}

function expandValues(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return expandEnv(value, env);
  if (Array.isArray(value)) return value.map((item) => expandValues(item, env));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandValues(item, env)]));
}

/** The YAML documents of a provisioning folder, expanded as Grafana does at its start. */
export async function readProvisioned(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly unknown[]> {
  const files = await filesIn(`provisioning/${folder}`, ".yaml");
  return Promise.all(files.map(async (file) => expandValues(parse(await readFile(file, "utf8")), env)));
}

const datasourceFileSchema = z.object({
  datasources: z.array(
    z.looseObject({
      uid: z.string(),
      type: z.string(),
      access: z.literal("proxy"),
      url: z.string(),
      jsonData: z.record(z.string(), z.unknown()),
      secureJsonData: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

export type Datasource = z.infer<typeof datasourceFileSchema>["datasources"][number];

/** All provisioned datasources. */
export async function readDatasources(env: Readonly<Record<string, string>>): Promise<readonly Datasource[]> {
  const documents = await readProvisioned("datasources", env);
  return documents.flatMap((document) => datasourceFileSchema.parse(document).datasources);
}

const groupSchema = z.object({
  name: z.string(),
  folder: z.string(),
  interval: z.string(),
  rules: z.array(alertRuleSchema),
});
const alertFileSchema = z.object({ apiVersion: z.literal(1), groups: z.array(groupSchema) });

export type AlertGroup = z.infer<typeof groupSchema>;

/** All provisioned groups of alert rules. */
export async function readAlertGroups(): Promise<readonly AlertGroup[]> {
  const documents = await readProvisioned("alerting", {});
  return documents.flatMap((document) => alertFileSchema.parse(document).groups);
}
