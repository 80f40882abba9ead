import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { envName, settingPaths } from "../../../src/config/overrides.ts";
import { settingsReference } from "../../../src/config/reference.ts";
import { settingAt, settingTree } from "../../../src/config/settings.ts";

describe("documented settings", () => {
  it("accepts the annotated example", async () => {
    const config = await loadConfig({
      file: "examples/tenantry.yaml",
      env: {
        FEDERATION_URL: "postgres://query@fed/federation",
        FEDERATION_ADMIN_URL: "postgres://admin@fed/federation",
        TENANT_PASSWORD: "secret",
      },
    });
    expect(config.tenants.registry.map(({ name }) => name)).toEqual(["acme", "globex"]);
    expect(config.tenants.registry[0]?.url).toBe("postgres://reader:secret@acme-db:5432/app");
    expect(config.queries.failed_orders?.export).toMatchObject({ labels: ["tenant"] });
  });

  it("describes every setting in a sentence", () => {
    const tree = settingTree();
    const silent = settingPaths(tree).filter((path) => path.length > 1 && !settingAt(tree, path)?.description);
    expect(silent).toEqual([]);
  });

  it("gives every setting a variable that works", async () => {
    const reference = settingsReference();
    const tree = settingTree();
    const url = { TENANTRY_FEDERATION__URL: "postgres://f" };
    const defaults = await loadConfig({ env: url });
    for (const path of settingPaths(tree).filter(({ length }) => length > 1)) {
      expect(reference).toContain(`\`${envName(path)}\``);
      // Set to its default, each of them must be understood and change nothing.
      const fallback = settingAt(tree, path)?.fallback;
      if (fallback === undefined) continue;
      const text = typeof fallback === "string" ? fallback : JSON.stringify(fallback);
      await expect(loadConfig({ env: { ...url, [envName(path)]: text } }), path.join(".")).resolves.toEqual(defaults);
    }
  });
});
