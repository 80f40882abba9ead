import { describe, expect, it } from "vitest";
import { describeConfig } from "../../../src/config/describe.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { mistakesOf } from "./mistakes-of.ts";

const GOLDEN = "test/golden/config";

const ENV = {
  PORT: "9090",
  QUERY_PASSWORD: "canary-query",
  ACME_URL: "postgres://reader:canary-acme@acme/app",
  DEFAULT_KIND: "a",
  TOKEN_SHA256: "0123456789abcdef".repeat(4),
};

describe("golden settings", () => {
  it("lists every mistake of a file, its variables and its flags at once", async () => {
    const text = await mistakesOf({
      file: `${GOLDEN}/mistakes.yaml`,
      env: {
        TENANTRY_SERVER__PROT: "1",
        TENANTRY_CACHES: "canary-env",
        TENANTRY_GUARD__PUSHDOWN: "strickt",
        OTHER: "1",
      },
      flags: { "limits.queue": "-3", "server.hosts": "canary-flag" },
    });
    await expect(text).toMatchFileSnapshot(`../../golden/config/mistakes.txt`);
    expect(text).not.toContain("canary");
  });

  it("lists what does not go together", async () => {
    const text = await mistakesOf({ file: `${GOLDEN}/conflicts.yaml`, env: {} });
    await expect(text).toMatchFileSnapshot(`../../golden/config/conflicts.txt`);
    expect(text).not.toContain("canary");
  });

  it("prints the settings in force without a secret", async () => {
    const printed = describeConfig(await loadConfig({ file: `${GOLDEN}/full.yaml`, env: ENV }));
    await expect(printed).toMatchFileSnapshot(`../../golden/config/full.txt`);
    expect(printed).not.toContain("canary");
    expect(printed).not.toContain(ENV.TOKEN_SHA256);
  });
});
