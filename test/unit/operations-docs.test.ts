import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { configSchema } from "../../src/config/schema.ts";
import { ERRORS } from "../../src/errors.ts";
import { createMetrics } from "../../src/observe/metrics.ts";

const PAGE = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const TYPES = readFileSync(new URL("../../src/types.ts", import.meta.url), "utf8");

/** What stands between back quotes and matches. */
const quoted = (pattern: RegExp): readonly string[] =>
  [...PAGE.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text).filter((text) => pattern.test(text));

describe("docs/operations.md", () => {
  it("explains every reason for which a tenant is missing, and no other", () => {
    const union = /export type FailureReason =([^;]+);/.exec(TYPES)?.[1] ?? "";
    const reasons = [...union.matchAll(/"(\w+)"/g)].map(([, reason]) => reason);
    const table = PAGE.slice(PAGE.indexOf("| reason")).split("\n\n")[0] ?? "";
    const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(reasons.length).toBeGreaterThan(4);
    expect(rows).toEqual(reasons);
  });

  it("names metrics that there are", async () => {
    const metrics = createMetrics();
    const { body } = await metrics.text();
    metrics.close();
    const names = quoted(/^tenantry_\w+$/);
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(body).toContain(`# HELP ${name} `);
  });

  it("names errors and settings that there are", () => {
    const codes = quoted(/^[A-Z]+_[A-Z_]+$/);
    expect(codes.length).toBeGreaterThan(3);
    for (const code of codes) expect(Object.keys(ERRORS)).toContain(code);
    const sections = z
      .record(z.string(), z.unknown())
      .parse(configSchema.parse({ federation: { url: "postgres://x/y" } }));
    const settings = quoted(/^(limits|federation|server)\.\w+$/);
    expect(settings.length).toBeGreaterThan(3);
    for (const setting of settings) {
      const [section = "", key = ""] = setting.split(".");
      expect([setting, Object.keys(z.record(z.string(), z.unknown()).parse(sections[section]))]).toEqual([
        setting,
        expect.arrayContaining([key]),
      ]);
    }
  });
});
