import { readFile } from "node:fs/promises";
import { isMap } from "../../config/raw.ts";
import { type Config, configSchema } from "../../config/schema.ts";
import { parseYaml } from "../../config/yaml-file.ts";
import type { Demo } from "../../demo/create-demo.ts";
import { type Command, type Given, JSON_OPTION, UsageError } from "../command.ts";
import { listen, refuseTakenPort } from "../listen.ts";
import { applyPlan, planRegistry, withFederation } from "../onboard.ts";
import { packageFile } from "../package-file.ts";
import { printError } from "../print-error.ts";
import { createProgress } from "../progress.ts";
import { printLine, type Terminal, untilStopped } from "../terminal.ts";

const QUERIES_FILE = "examples/fleet.yaml";
const MAX_TENANTS = 500;
const HOST = "127.0.0.1";

export const demo: Command = {
  name: "demo",
  summary: "Start a fleet on this machine, with Tenantry in front of it",
  details:
    "Starts an embedded PostgreSQL with a federation database and tenant databases whose data keep changing, onboards " +
    "them as real tenants are, and serves. Nothing outside of a temporary folder is touched; Ctrl-C removes it all. " +
    "With --json one line is printed when everything is ready, with the URLs of all databases.",
  options: {
    port: { value: "PORT", summary: "Port to listen on, 0 for a free one", fallback: "8080" },
    tenants: { value: "COUNT", summary: "Tenant databases", fallback: "81" },
    ...JSON_OPTION,
  },
  examples: ["tenantry demo", "tenantry demo --tenants 12 --port 0 --json"],
  run: async (given, terminal) => {
    const json = given.has("json");
    const port = readCount(given, "port", 65_535);
    const tenants = readCount(given, "tenants", MAX_TENANTS);
    await refuseTakenPort(port, HOST);
    // Loaded when it is needed: the embedded PostgreSQL is an optional dependency.
    const { createDemo } = await import("../../demo/create-demo.ts");
    const starting = createProgress(terminal.stderr, { title: "starting the fleet", quiet: json });
    const fleet = await createDemo({
      tenants,
      onStep: starting.report,
    }).finally(starting.close);
    try {
      if (!terminal.stop.aborted) await serveFleet(fleet, { port, json, terminal });
    } finally {
      await fleet.close();
    }
    if (!json) printLine(terminal.stderr, "stopped");
    return 0;
  },
};

async function serveFleet(
  fleet: Demo,
  { port, json, terminal }: { readonly port: number; readonly json: boolean; readonly terminal: Terminal },
): Promise<void> {
  const config = await demoConfig(fleet, port);
  await withFederation(config, async (database) => {
    const reading = createProgress(terminal.stderr, { title: "reading tenants", quiet: json });
    const plan = await planRegistry(config, database, reading.report).finally(reading.close);
    const applying = createProgress(terminal.stderr, { title: "onboarding tenants", quiet: json });
    const options = { database, onStep: applying.report, stop: terminal.stop };
    const { failed } = await applyPlan(plan, options).finally(applying.close);
    for (const { error } of failed) printError(terminal.stderr, error);
  });
  if (terminal.stop.aborted) return;
  const { createApp } = await import("../../app.ts");
  const app = await createApp({ config, logLevel: "silent" });
  try {
    await app.refreshCatalog();
    const url = await listen(app, port);
    for (const line of json ? [readyLine(url, fleet)] : banner(url, fleet)) printLine(terminal.stdout, line);
    await untilStopped(terminal.stop);
    if (!json) printLine(terminal.stderr, "stopping; once more to stop at once");
  } finally {
    await app.close(config.server.shutdownGrace);
  }
}

async function demoConfig(fleet: Demo, port: number): Promise<Config> {
  const { raw } = parseYaml(await readFile(packageFile(QUERIES_FILE), "utf8"), QUERIES_FILE);
  const { queries, limits } = isMap(raw) ? raw : {};
  return configSchema.parse({
    server: { host: HOST, port, shutdownGrace: "3s" },
    federation: { url: fleet.federationUrl, adminUrl: fleet.adminUrl },
    tenants: { registry: fleet.registry, refresh: "5s" },
    queries,
    limits,
  });
}

function readCount(given: Given, option: string, max: number): number {
  const text = given.text(option) ?? "";
  if (/^\d{1,6}$/.test(text) && Number(text) <= max) return Number(text);
  throw new UsageError(`--${option} ${text}: must be a whole number up to ${max}`);
}

function readyLine(url: string, { federationUrl, tenants }: Demo): string {
  const named = tenants.map((tenant) => ({ name: tenant.name, url: tenant.url, labels: tenant.labels }));
  return JSON.stringify({ ready: true, url, federationUrl, tenants: named });
}

function banner(url: string, { tenants }: Demo): string[] {
  return [
    "",
    `  Tenantry is ready at ${url} with ${tenants.length} tenant databases.`,
    "",
    "  One row for each tenant:",
    `    curl -sG ${url}/v1/query --data-urlencode 'sql=SELECT count(*) AS entities FROM $<tenant>_entities'`,
    "  One number for the fleet:",
    `    curl -sG ${url}/v1/query --data-urlencode 'sql=SELECT sum(n) FROM (SELECT count(*) AS n FROM $<tenant>_orders) t'`,
    "  What Prometheus sees:",
    `    curl -s ${url}/metrics | grep '^entity_staleness' | head -3`,
    "",
    "  Ctrl-C stops it and removes the data.",
    "",
  ];
}
