import { readdir, readFile } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { createParser } from "../../src/sql/parser.ts";
import { compileSample } from "../unit/sql/compile-sample.ts";
import { printCompiled, printError } from "../unit/sql/print-compiled.ts";
import { sampleCatalog } from "../unit/sql/sample-catalog.ts";

const FOLDER = "test/golden/sql";
const CASE = /^-- case: (.+)$/m;

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

/** Each `<topic>.sql` holds templates under `-- case:` lines; `<topic>.txt` what each becomes, for a tenant `a-b` and one `o'hara`. */
describe("the $<tenant> language", async () => {
  const topics = (await readdir(FOLDER)).filter((file) => file.endsWith(".sql"));
  it.each(topics)("%s", async (file) => {
    const catalog = sampleCatalog();
    const [, ...parts] = (await readFile(`${FOLDER}/${file}`, "utf8")).split(CASE);
    const printed: string[] = [];
    for (let index = 0; index < parts.length; index += 2) {
      const template = (parts[index + 1] ?? "").trim();
      const result = await compileSample(template, catalog, parser).then(
        (compiled) => printCompiled(compiled, catalog),
        printError,
      );
      printed.push(`=== ${parts[index]}\n${template}\n---\n${result}\n`);
    }
    await expect(printed.join("\n")).toMatchFileSnapshot(`sql/${file.replace(/\.sql$/, ".txt")}`);
  });
});
