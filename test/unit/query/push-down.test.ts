import { afterAll, describe, expect, test } from "vitest";
import { ExecutionError } from "../../../src/execute/execution-error.ts";
import type { PlannedBlock } from "../../../src/plan/planned-block.ts";
import { pushDownNotices, requirePushDown, shapeVerdicts } from "../../../src/query/push-down.ts";
import { verdictOf } from "../../../src/query/verdict.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { compileSample } from "../sql/compile-sample.ts";
import { sampleCatalog, sampleTenant } from "../sql/sample-catalog.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const SCAN = { "Node Type": "Foreign Scan" };
const plan = (root: object) => [{ Plan: root }];

describe("verdictOf", () => {
  test.each([
    ["pushed", SCAN],
    ["pushed", { "Node Type": "Append", Plans: [SCAN, SCAN] }],
    ["pushed", { "Node Type": "Aggregate", Plans: [{ "Node Type": "Function Scan" }] }],
    ["filter-local", { ...SCAN, Filter: "(at > now())" }],
    ["aggregate-local", { "Node Type": "Aggregate", Plans: [SCAN] }],
    ["filter-local, aggregate-local", { "Node Type": "Aggregate", Plans: [{ ...SCAN, Filter: "(x)" }] }],
    ["join-local", { "Node Type": "Hash Join", Plans: [SCAN, SCAN] }],
    ["distinct-local", { "Node Type": "Unique", Plans: [{ "Node Type": "Sort", Plans: [SCAN] }] }],
    ["window-local", { "Node Type": "WindowAgg", Plans: [SCAN] }],
    ["set-operation-local", { "Node Type": "SetOp", Plans: [SCAN, SCAN] }],
    ["limit-local", { "Node Type": "Limit", Plans: [{ "Node Type": "Sort", Plans: [SCAN] }] }],
  ])("%s", (verdict, root) => {
    expect(verdictOf(plan(root))).toBe(verdict);
  });
});

describe("push-down", () => {
  const tenant = sampleTenant("a", {}, { orders: "id bigint" });
  const block = async (): Promise<PlannedBlock> => {
    const compiled = await compileSample("SELECT id FROM $<tenant>_orders", sampleCatalog(), parser);
    const [first] = compiled.blocks;
    if (first === undefined) throw new Error("no block");
    const relations = [...tenant.relations.values()];
    return {
      block: first,
      columns: [],
      arms: [{ tenant: "a", sql: "SELECT 1" }],
      expected: [tenant],
      leftOut: [],
      shapes: [{ members: [{ tenant, relations }] }],
    };
  };
  const { signal } = new AbortController();

  test("names what is dragged, or refuses it", async () => {
    const executor = { explain: async () => plan({ "Node Type": "Aggregate", Plans: [SCAN] }) };
    const [notice] = await pushDownNotices([await block()], executor, signal);
    expect(notice?.text).toContain("rows of 1 tenants cross the network before they are worked on (aggregate-local)");
    await expect(requirePushDown([await block()], executor, signal)).rejects.toMatchObject({ code: "QUERY_FORBIDDEN" });
  });

  test("says nothing when the tenants do the work", async () => {
    const executor = { explain: async () => plan(SCAN) };
    expect(await pushDownNotices([await block()], executor, signal)).toEqual([]);
    await expect(requirePushDown([await block()], executor, signal)).resolves.toBeUndefined();
  });

  test("what PostgreSQL refuses to explain has no verdict", async () => {
    const facts = { sqlstate: "42501", kind: "query", remote: false, message: "permission denied" } as const;
    const executor = { explain: () => Promise.reject(new ExecutionError(facts, null)) };
    expect(await shapeVerdicts(await block(), executor, signal)).toEqual([
      { tenants: ["a"], verdict: "unknown: permission denied" },
    ]);
    expect(await pushDownNotices([await block()], executor, signal)).toEqual([]);
  });

  test("a plan that cannot be had is no reason to fail the query, unless it is required", async () => {
    const executor = { explain: () => Promise.reject(new Error("permission denied")) };
    expect(await pushDownNotices([await block()], executor, signal)).toEqual([]);
    await expect(requirePushDown([await block()], executor, signal)).rejects.toThrow("permission denied");
  });
});
