import { afterAll, describe, expect, test } from "vitest";
import { gatePlan, relationsOf } from "../../../src/query/gate-plan.ts";
import type { PlanNode } from "../../../src/query/plan-node.ts";
import { judgeBlock, pushDownNotices, requirePushDown } from "../../../src/query/push-down.ts";
import { verdictOf, verdictText } from "../../../src/query/verdict.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { compileSample } from "../sql/compile-sample.ts";
import { sampleCatalog } from "../sql/sample-catalog.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

const SCAN: PlanNode = { "Node Type": "Foreign Scan", Schema: "public", "Relation Name": "a_t" };
const SENT: PlanNode = { "Node Type": "Foreign Scan", Relations: "Aggregate on (public.a_t)" };

describe("verdictOf", () => {
  test.each<[string, PlanNode]>([
    ["pushed", SCAN],
    ["pushed", { "Node Type": "Append", Plans: [SCAN, SCAN] }],
    ["pushed", { "Node Type": "Aggregate", Plans: [{ "Node Type": "Function Scan" }] }],
    ["pushed", { "Node Type": "Aggregate", Plans: [SENT] }],
    ["pushed", { "Node Type": "Limit", Plans: [{ "Node Type": "Sort", Plans: [SENT] }] }],
    [
      "pushed",
      {
        "Node Type": "Limit",
        Plans: [{ "Node Type": "Result", Plans: [{ ...SCAN, "Parent Relationship": "InitPlan" }] }],
      },
    ],
    ["filter-local: now()", { ...SCAN, Filter: "(at > (now() - '00:05:00'::interval))" }],
    ["filter-local: current_date", { ...SCAN, Filter: "(day < CURRENT_DATE)" }],
    ["filter-local: ->>", { ...SCAN, Filter: "((payload ->> 'now()'::text) = 'x'::text)" }],
    ["filter-local: AT TIME ZONE", { ...SCAN, Filter: "((at AT TIME ZONE 'UTC'::text) > x)" }],
    ["filter-local: extract", { ...SCAN, Filter: "(EXTRACT(epoch FROM at) > '5'::numeric)" }],
    ["filter-local: ::text", { ...SCAN, Filter: "((id)::text = '5'::text)" }],
    ["filter-local: sub-select", { ...SCAN, Filter: "(id = (SubPlan 1))" }],
    ["filter-local", { ...SCAN, Filter: "(at > ts)" }],
    ["aggregate-local", { "Node Type": "Aggregate", Plans: [SCAN] }],
    [
      "aggregate-local: date_trunc",
      { "Node Type": "Aggregate", "Group Key": ["(date_trunc('month'::text, at))"], Plans: [SCAN] },
    ],
    [
      "filter-local: random(), aggregate-local",
      { "Node Type": "Aggregate", Plans: [{ ...SCAN, Filter: "(random() < v)" }] },
    ],
    [
      "join-local: to_char",
      { "Node Type": "Hash Join", "Hash Cond": "(to_char(a.at, 'x'::text) = b.k)", Plans: [SCAN, SCAN] },
    ],
    ["distinct-local", { "Node Type": "Unique", Plans: [{ "Node Type": "Sort", Plans: [SCAN] }] }],
    ["window-local: row_number()", { "Node Type": "WindowAgg", Output: ["row_number() OVER (?)"], Plans: [SCAN] }],
    ["set-operation-local", { "Node Type": "SetOp", Plans: [SCAN, SCAN] }],
    ["limit-local", { "Node Type": "Limit", Plans: [{ "Node Type": "Sort", Plans: [SCAN] }] }],
  ])("%s", (verdict, root) => {
    expect(verdictText(verdictOf(root))).toBe(verdict);
  });
});

describe("the gate", () => {
  const permitted = {
    relations: [
      { schema: "public", name: "a_t", reads: [] },
      { schema: "public", name: "a_view", reads: [{ schema: 'Odd"One', name: "behind" }] },
    ],
    functions: new Set(["own.reading"]),
  };

  test("finds the relations of a scan, and of a join that is sent", () => {
    expect(relationsOf(SCAN)).toEqual([{ schema: "public", name: "a_t" }]);
    const Relations = `Aggregate on ((public.a_t x) INNER JOIN ("Odd""One".behind "INNER.JOIN"))`;
    expect(relationsOf({ "Node Type": "Foreign Scan", Relations })).toEqual([
      { schema: "public", name: "a_t" },
      { schema: 'Odd"One', name: "behind" },
    ]);
  });

  test.each<PlanNode>([
    SCAN,
    { "Node Type": "Append", Plans: [SCAN, { ...SCAN, Schema: 'Odd"One', "Relation Name": "behind" }] },
    { "Node Type": "Function Scan", Schema: "pg_catalog", "Function Name": "generate_series" },
    { "Node Type": "Function Scan", Schema: "own", "Function Name": "reading" },
  ])("lets pass what was decided on, and what a view of it reads", (plan) => {
    expect(() => gatePlan(plan, permitted)).not.toThrow();
  });

  test.each<[string, PlanNode]>([
    ["public.b_t", { "Node Type": "Append", Plans: [SCAN, { ...SCAN, "Relation Name": "b_t" }] }],
    ["other.a_t", { ...SCAN, Schema: "other" }],
    ["public.b_t", { "Node Type": "Foreign Scan", Relations: "(public.a_t) LEFT JOIN (public.b_t b)" }],
    ["pg_catalog.pg_authid", { "Node Type": "Seq Scan", Schema: "pg_catalog", "Relation Name": "pg_authid" }],
    ["pg_ls_dir", { "Node Type": "Function Scan", Schema: "pg_catalog", "Function Name": "pg_ls_dir" }],
    ["reading", { "Node Type": "Function Scan", Schema: "other", "Function Name": "reading" }],
  ])("refuses a plan that touches %s", (name, plan) => {
    expect(() => gatePlan(plan, permitted)).toThrow(name);
  });
});

describe("push-down", () => {
  const permitted = { localRelations: [], functions: new Set<string>() };

  async function blockOf(sql: string) {
    const [tenant] = sampleCatalog().tenants.values();
    const { blocks } = await compileSample(sql, sampleCatalog(), parser);
    const [block] = blocks;
    if (block === undefined || tenant === undefined) throw new Error("no block");
    const members = [{ tenant, relations: [...tenant.relations.values()] }];
    const arms = [{ tenant: tenant.name, sql: "SELECT 1" }];
    return { block, columns: [], arms, expected: [tenant], leftOut: [], shapes: [{ members }] };
  }

  test("names what is dragged with its place, or refuses it there", async () => {
    const block = await blockOf("SELECT count(*)\nFROM $<tenant>_orders\nWHERE amount > random()");
    const verdict = verdictOf({ "Node Type": "Aggregate", Plans: [{ ...SCAN, Filter: "(amount > random())" }] });
    const verdicts = await judgeBlock(block, { plans: { judge: async () => verdict }, ...permitted });
    expect(pushDownNotices(verdicts).map(({ text }) => text)).toEqual([
      "rows of 1 tenants cross the network before they are worked on (filter-local: random() in line 3, aggregate-local in line 1); /v1/explain shows more",
    ]);
    expect(() => requirePushDown(verdicts)).toThrow(
      expect.objectContaining({ code: "QUERY_FORBIDDEN", position: expect.objectContaining({ line: 3, column: 16 }) }),
    );
  });

  test("says nothing when the tenants do the work, or when no plan is to be had", async () => {
    const block = await blockOf("SELECT id FROM $<tenant>_orders");
    for (const judge of [async () => verdictOf(SCAN), async () => null]) {
      const verdicts = await judgeBlock(block, { plans: { judge }, ...permitted });
      expect(verdicts).toHaveLength(1);
      expect(pushDownNotices(verdicts)).toEqual([]);
      expect(() => requirePushDown(verdicts)).not.toThrow();
    }
  });

  test("a shape is gated, however many of its tenants cannot be planned", async () => {
    const block = await blockOf("SELECT id FROM $<tenant>_orders");
    const [first] = block.shapes[0]?.members ?? [];
    if (first === undefined) throw new Error("no member");
    const members = Array.from({ length: 12 }, (_, index) => ({
      ...first,
      tenant: { ...first.tenant, name: `t${index}` },
    }));
    const arms = members.map(({ tenant }) => ({ tenant: tenant.name, sql: tenant.name }));
    const judge = async (sql: string) => {
      if (sql !== "t11") return null;
      throw new Error("it would read another's table");
    };
    await expect(
      judgeBlock({ ...block, arms, shapes: [{ members }] }, { plans: { judge }, ...permitted }),
    ).rejects.toThrow("another's table");
  });
});
