import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { REPOSITORY } from "./provisioning.ts";

const ruleSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().regex(/^\d+[smh]$/),
  labels: z.record(z.string(), z.string()),
  annotations: z.object({ summary: z.string() }),
});

const ruleFileSchema = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(ruleSchema).min(1) })).min(1),
});

export type PrometheusRule = z.infer<typeof ruleSchema>;

/** All rules of `provisioning/prometheus/rules`. */
export async function readPrometheusRules(): Promise<readonly PrometheusRule[]> {
  const folder = join(REPOSITORY, "provisioning/prometheus/rules");
  const files = (await readdir(folder)).sort();
  const documents = await Promise.all(files.map(async (file) => parse(await readFile(join(folder, file), "utf8"))));
  return documents.flatMap((document) => ruleFileSchema.parse(document).groups.flatMap(({ rules }) => rules));
}
