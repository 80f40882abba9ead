import { readFile, writeFile } from "node:fs/promises";
import { settingsReference } from "../config/reference.ts";
import { AppError } from "../errors.ts";
import type { Command } from "./command.ts";
import { commandHelp, programHelp } from "./help.ts";
import { packageFile } from "./package-file.ts";

/** A page that holds a generated part between markers. */
export interface GeneratedPage {
  readonly file: string;
  readonly part: string;
  readonly text: string;
}

/** The pages that `npm run docs` writes and a test keeps current. */
export function generatedPages(commands: readonly Command[]): readonly GeneratedPage[] {
  return [
    { file: "docs/configuration.md", part: "settings", text: settingsReference() },
    { file: "docs/cli.md", part: "commands", text: commandReference(commands) },
  ];
}

/** The page as it should be. Throws INTERNAL when its markers are gone. */
export async function renderPage({ file, part, text }: GeneratedPage): Promise<string> {
  const begin = `<!-- begin ${part}: written by npm run docs -->`;
  const end = `<!-- end ${part} -->`;
  const page = await readFile(packageFile(file), "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new AppError("INTERNAL", `${file} has no "${begin}" before "${end}"`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

/** Writes the page and tells whether it changed. */
export async function writePage(page: GeneratedPage): Promise<boolean> {
  const path = packageFile(page.file);
  const wanted = await renderPage(page);
  if (wanted === (await readFile(path, "utf8"))) return false;
  await writeFile(path, wanted);
  return true;
}

function commandReference(commands: readonly Command[]): string {
  const listed = commands.filter((command) => command.hidden !== true);
  return [
    fenced(programHelp(commands)),
    ...listed.map((command) => `## \`tenantry ${command.name}\`\n\n${fenced(commandHelp(command))}`),
  ].join("\n\n");
}

function fenced(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
}
