import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { generatedPages, renderPage } from "../../../src/cli/generated-docs.ts";

describe("generated pages", () => {
  it.each(generatedPages(COMMANDS))("$file is current (npm run docs writes it)", async (page) => {
    expect(await readFile(page.file, "utf8")).toBe(await renderPage(page));
  });
});
