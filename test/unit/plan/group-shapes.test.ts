import { expect, test } from "vitest";
import { groupShapes } from "../../../src/plan/group-shapes.ts";
import type { ShapeMember } from "../../../src/plan/planned-block.ts";
import { relationResolver } from "../../../src/plan/resolve-relation.ts";
import type { CatalogColumn } from "../../../src/types.ts";
import { columnsOf, sampleRelation, sampleTenant } from "../sql/sample-catalog.ts";

/** A tenant's part in a block that reads one relation for each list of columns. */
function member(name: string, ...lists: readonly (readonly CatalogColumn[])[]): ShapeMember {
  return {
    tenant: sampleTenant(name),
    relations: lists.map((columns, index) => sampleRelation("fleet", `${name}_${index}`, columns)),
  };
}

function namesOf(members: readonly ShapeMember[]): readonly (readonly string[])[] {
  return groupShapes(members).map((shape) => shape.members.map(({ tenant }) => tenant.name));
}

test("equal lists of columns are one shape, whether they are the same list or not", () => {
  const shared = columnsOf("id bigint, kind text");
  const members = [member("a", shared), member("b", shared), member("c", columnsOf("id bigint, kind text"))];
  expect(namesOf(members)).toEqual([["a", "b", "c"]]);
});

test("a tenant with an older schema between others does not tear them apart", () => {
  const [shared, older] = [columnsOf("id bigint, kind text"), columnsOf("id bigint")];
  const lists = [shared, shared, older, shared, older, older, shared];
  expect(namesOf(lists.map((columns, index) => member(`t${index}`, columns)))).toEqual([
    ["t0", "t1", "t3", "t6"],
    ["t2", "t4", "t5"],
  ]);
});

test("lists that differ in a name, a type or the order are shapes of their own, the largest first", () => {
  const common = columnsOf("id bigint, kind text");
  const members = [
    member("order", columnsOf("kind text, id bigint")),
    member("type", columnsOf("id integer, kind text")),
    member("name", columnsOf("id bigint, sort text")),
    member("more", columnsOf("id bigint, kind text, n integer")),
    member("a", common),
    member("b", common),
  ];
  expect(namesOf(members)).toEqual([["a", "b"], ["order"], ["type"], ["name"], ["more"]]);
});

test("a block that reads several relations is told apart by all of them, in their order", () => {
  const [first, second] = [columnsOf("id bigint"), columnsOf("id integer")];
  const members = [
    member("a", first, second),
    member("b", second, first),
    member("c", first, first),
    member("d", first, second),
  ];
  expect(namesOf(members)).toEqual([["a", "d"], ["b"], ["c"]]);
});

test("one resolver finds each tenant's own relation", () => {
  const tenants = [sampleTenant("a"), sampleTenant("b", {}, { jobs: "id bigint" }), sampleTenant("c")];
  const byLayout = relationResolver({ schema: null, name: "__tnt_0___orders" });
  expect(tenants.map((tenant) => byLayout(tenant)?.name)).toEqual(["a_orders", undefined, "c_orders"]);
  const byTable = relationResolver({ schema: "fleet", name: "__tnt_0___jobs" });
  expect(tenants.map((tenant) => byTable(tenant)?.name)).toEqual(["a_jobs", "b_jobs", "c_jobs"]);
});
