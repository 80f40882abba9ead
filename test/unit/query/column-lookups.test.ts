import { expect, test } from "vitest";
import { createColumnLookups } from "../../../src/query/column-lookups.ts";
import type { CatalogTenant } from "../../../src/types.ts";
import { columnsOf, sampleCatalog, sampleRelation, sampleTenant } from "../sql/sample-catalog.ts";

const SHARED = columnsOf("id bigint, kind text");

/** A tenant whose relation has the very list that others have, as a catalog gives it. */
function withShared(name: string): CatalogTenant {
  return {
    ...sampleTenant(name, {}, {}),
    relations: new Map([["events", sampleRelation("fleet", `${name}_events`, SHARED)]]),
  };
}

function facts(tenants: readonly CatalogTenant[]) {
  const lookUp = createColumnLookups()(sampleCatalog(), tenants);
  const columns = lookUp({ relname: "__tnt_0___events" });
  return [...(columns ?? [])].map(([name, { types, everywhere }]) => [name, [...types], everywhere]);
}

test("a column is everywhere when each of the tenants with the relation has it, shared list or not", () => {
  const others = [sampleTenant("own", {}, { events: "id integer, kind text" }), sampleTenant("none", {}, {})];
  expect(facts([withShared("a"), withShared("b"), ...others])).toEqual([
    ["id", ["bigint", "integer"], true],
    ["kind", ["text"], true],
  ]);
});

test("a column that one tenant lacks is not everywhere", () => {
  expect(facts([withShared("a"), withShared("b"), sampleTenant("old", {}, { events: "id bigint" })])).toEqual([
    ["id", ["bigint"], true],
    ["kind", ["text"], false],
  ]);
});

test("remembers by catalog and by the tenants that a caller may see", () => {
  const lookups = createColumnLookups();
  const [catalog, both] = [sampleCatalog(), [withShared("a"), withShared("b")]];
  const relation = { relname: "__tnt_0___events" };
  const found = lookups(catalog, both)(relation);
  expect(lookups(catalog, both)(relation)).toBe(found);
  expect(lookups(catalog, [withShared("a")])(relation)).not.toBe(found);
  expect(lookups(sampleCatalog(), both)(relation)).not.toBe(found);
  expect([...(lookups(catalog, [])(relation) ?? [])]).toEqual([]);
});
