import { afterEach, expect, test } from "vitest";
import { ExecutionError } from "../../../src/execute/execution-error.ts";
import { createShapePlans, type ShapePlans } from "../../../src/query/shape-plans.ts";

const PERMITTED = { relations: [{ schema: "public", name: "a_t", reads: [] }], functions: new Set<string>() };
const SCAN = { "Node Type": "Foreign Scan", Schema: "public", "Relation Name": "a_t" };

let opened: ShapePlans[] = [];
afterEach(() => {
  for (const plans of opened) plans.close();
  opened = [];
});

/** Plans over an executor that counts what it is asked and plans everything as `root` says. */
function counting(root: object = SCAN) {
  const asked: string[] = [];
  const plans = createShapePlans({
    executor: {
      describe: async (sql) => {
        asked.push(`describe ${sql}`);
        if (sql.includes("bad"))
          throw new ExecutionError({ sqlstate: "42703", kind: "missing_column", remote: false, message: "no" }, null);
        return [{ name: "n", typeOid: 20 }];
      },
      explain: async (sql) => {
        asked.push(`explain ${sql}`);
        return [{ Plan: root }];
      },
    },
    typeNames: { namesOf: async (oids) => oids.map(() => "bigint") },
  });
  opened.push(plans);
  const request = (catalogVersion = "1") => plans.forRequest({ catalogVersion, signal: new AbortController().signal });
  return { asked, request };
}

test("a shape is described and planned once, whatever the times in its text", async () => {
  const { asked, request } = counting();
  for (const [hour, epoch] of [
    ["08", 1_795_334_400],
    ["09", 1_795_338_000],
  ] as const) {
    const sql = `SELECT count(*) FROM a_t WHERE at >= '2026-11-22T${hour}:00:00Z' AND epoch > ${epoch}`;
    expect(await request().describe(sql)).toMatchObject({ ok: true, columns: [{ name: "n", type: "bigint" }] });
    expect(await request().judge(sql, PERMITTED)).toMatchObject({ reasons: [] });
  }
  expect(asked).toHaveLength(2);
});

test("another catalog, another constant or another size of number is another shape", async () => {
  const { asked, request } = counting();
  await request("1").describe("SELECT n FROM a_t WHERE id = 1795334400");
  await request("2").describe("SELECT n FROM a_t WHERE id = 1795334400");
  await request("1").describe("SELECT n FROM a_t WHERE id = 17953344000");
  await request("1").describe("SELECT n FROM a_t WHERE id = 17953344000000000000");
  await request("1").describe("SELECT n FROM a_t WHERE kind = 'a'");
  await request("1").describe("SELECT n FROM a_t WHERE kind = 'b'");
  expect(asked).toHaveLength(6);
});

test("a refusal is asked for again, and so is a plan that a constant decided", async () => {
  const refused = counting();
  for (const _ of [1, 2])
    expect(await refused.request().describe("SELECT bad FROM a_t")).toMatchObject({
      ok: false,
      reason: "column_missing",
    });
  expect(refused.asked).toHaveLength(2);
  const decided = counting({ "Node Type": "Result", "One-Time Filter": "false" });
  for (const _ of [1, 2]) await decided.request().judge("SELECT 1 WHERE false", PERMITTED);
  expect(decided.asked).toHaveLength(2);
});

test("a plan that touches something else is refused each time", async () => {
  const { request } = counting({ ...SCAN, "Relation Name": "b_t" });
  for (const _ of [1, 2])
    await expect(request().judge("SELECT n FROM a_t", PERMITTED)).rejects.toMatchObject({ code: "QUERY_FORBIDDEN" });
  await expect(request().gate("SELECT 1", 2, PERMITTED)).rejects.toMatchObject({ code: "QUERY_FORBIDDEN" });
});
