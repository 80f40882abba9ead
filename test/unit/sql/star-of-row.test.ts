import { afterAll, expect, test } from "vitest";
import { createParser } from "../../../src/sql/parser.ts";
import { compileSample } from "./compile-sample.ts";
import { sampleCatalog } from "./sample-catalog.ts";

const parser = createParser({ observe: () => {} });
const catalog = sampleCatalog();
afterAll(() => parser.close());

// `(j).*` is as many columns as the table has, so that what stands behind it is found from the end.
test.each(["*", "j.*", "(j).*"])("columns behind %s are counted from the last", async (star) => {
  const compile = async (output: string, order = "") =>
    (await compileSample(`SELECT ${star}, ${output} FROM $<tenant>_jobs j ${order}`, catalog, parser)).blocks[0];
  expect((await compile("$__timeGroup(queued_at, '1h')"))?.timeGroups).toEqual([
    { index: 0, fromEnd: true, stepSeconds: 3600 },
  ]);
  expect((await compile("tenant"))?.ownTenant).toEqual({ index: 0, fromEnd: true });
  // The tenant column stands behind it.
  expect((await compile("id + 1", "ORDER BY id + 1"))?.sortKeys[0]?.target).toEqual({
    kind: "column",
    index: 1,
    fromEnd: true,
  });
});
