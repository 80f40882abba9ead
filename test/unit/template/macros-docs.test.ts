import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { MACROS } from "../../../src/template/macros.ts";

describe("docs/macros.md", () => {
  it("lists exactly the macros that there are, with their usage and meaning", async () => {
    const page = await readFile("docs/macros.md", "utf8");
    const rows = [...page.matchAll(/^\| `(\$[^`]+)`\s*\| (.+?)\s*\|$/gm)].map(([, usage, meaning]) => [usage, meaning]);
    expect(rows).toEqual([...MACROS.values()].map(({ usage, meaning }) => [usage, meaning]));
  });
});
