import type { Command } from "../command.ts";
import { generatedPages, writePage } from "../generated-docs.ts";
import { printLine } from "../terminal.ts";

/** For those who work on Tenantry: `npm run docs`. */
export const docs: Command = {
  name: "docs",
  summary: "Write the generated parts of docs/",
  details: "Writes the reference of the settings and of the command line into the pages of this repository.",
  options: {},
  examples: ["npm run docs", "tenantry docs"],
  hidden: true,
  run: async (_given, terminal) => {
    // The list of commands has this command in it, so it is fetched when it is whole.
    const { COMMANDS } = await import("../commands.ts");
    for (const page of generatedPages(COMMANDS)) {
      const changed = await writePage(page);
      printLine(terminal.stdout, `${page.file}: ${changed ? "written" : "current"}`);
    }
    return 0;
  },
};
