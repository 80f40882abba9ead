import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { createExporter } from "../../../src/exporter/exporter.ts";
import { joinExpositions } from "../../../src/observe/exposition.ts";
import { createMetrics } from "../../../src/observe/metrics.ts";
import { readExposition } from "./read-exposition.ts";

const PAGE = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");

/** The whole page that a scrape of `/metrics` gets, with one exported query. */
async function scrape(): Promise<string> {
  const { queries } = configSchema.parse({
    federation: { url: "postgres://localhost/federation" },
    queries: { lag: { sql: "SELECT 1 AS value", export: { name: "lag_seconds" } } },
  });
  const metrics = createMetrics();
  const exporter = createExporter({
    queries,
    service: {
      run: async () => ({
        contentType: "application/json",
        body: Buffer.from('[{"tenant":"acme","value":1}]'),
        elements: [],
        coverage: { expected: 1, answered: 1, failed: [], truncated: false },
        notices: [],
        cache: "miss",
        ageSeconds: 0,
        timings: new Map(),
      }),
    },
    defaults: { cacheTtlMs: 0, deadlineMs: 1_000 },
    observe: metrics.observe,
    now: Date.now,
  });
  const exported = await exporter.collect();
  const text = joinExpositions((await metrics.text()).body, exported);
  await exporter.close();
  metrics.close();
  return text;
}

describe("docs/metrics.md", () => {
  it("has every metric with its type, and no other", async () => {
    const documented = [...PAGE.matchAll(/^\| `(\w+)`\s*\| (\w+)\s*\|/gm)].map(([, name, type]) => `${name} ${type}`);
    const { types } = readExposition(await scrape());
    expect(documented.toSorted()).toEqual(
      [...types]
        .filter(([name]) => name !== "lag_seconds")
        .map(([name, type]) => `${name} ${type}`)
        .toSorted(),
    );
  });

  it("names the labels that the metrics have", async () => {
    const { samples } = readExposition(await scrape());
    for (const { name, labels } of samples.filter((sample) => sample.name.startsWith("tenantry_export_"))) {
      const row = PAGE.split("\n").find((line) => line.startsWith(`| \`${name}\``));
      expect(row, name).toContain("`query`");
      expect(Object.keys(labels).every((label) => row?.includes(`\`${label}\``))).toBe(true);
    }
  });
});
