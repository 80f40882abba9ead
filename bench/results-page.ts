import { mkdir, readFile, writeFile } from "node:fs/promises";
import { AppError } from "../src/errors.ts";

const PAGE = new URL("../docs/benchmarks.md", import.meta.url);
const CHARTS = new URL("../docs/benchmarks/", import.meta.url);

/** What one benchmark writes into docs/benchmarks.md. */
export interface ResultsPart {
  readonly name: string;
  readonly markdown: string;
  readonly charts: ReadonlyMap<string, string>;
}

/** Replaces the part between the benchmark's markers, and its charts. Throws INTERNAL when the markers are gone. */
export async function writeResults({ name, markdown, charts }: ResultsPart): Promise<void> {
  const begin = `<!-- begin ${name}: written by npm run bench -->`;
  const end = `<!-- end ${name} -->`;
  const page = await readFile(PAGE, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new AppError("INTERNAL", `docs/benchmarks.md has no "${begin}" before "${end}"`);
  await writeFile(PAGE, `${page.slice(0, from + begin.length)}\n\n${markdown}\n\n${page.slice(to)}`);
  if (charts.size > 0) await mkdir(CHARTS, { recursive: true });
  for (const [file, svg] of charts) await writeFile(new URL(file, CHARTS), svg);
}
