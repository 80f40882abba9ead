import fc from "fast-check";
import { expect, test } from "vitest";
import { nameBytes, placeKey, placeOf, relationAt, serverNameOf, tenantOfServer } from "../../../src/tenants/layout.ts";

const PREFIX = { layout: "prefix", schema: "public" } as const;
const SCHEMA = { layout: "schema", schema: "public" } as const;

test("where a relation is put, and what a place means", () => {
  expect(placeOf(PREFIX, "tenant_a", "entities")).toEqual({ schema: "public", name: "tenant_a_entities" });
  expect(placeOf(SCHEMA, "tenant_a", "entities")).toEqual({ schema: "tenant_a", name: "entities" });
  expect(relationAt(PREFIX, "a", { schema: "other", name: "a_b_c" })).toBe("b_c");
  expect(relationAt(PREFIX, "a_b", { schema: "public", name: "a_b_c" })).toBe("c");
  expect(relationAt(PREFIX, "a", { schema: "public", name: "a_" })).toBeNull();
  expect(relationAt(PREFIX, "a", { schema: "public", name: "A_b" })).toBeNull();
  expect(relationAt(SCHEMA, "a", { schema: "public", name: "a_b" })).toBeNull();
});

test("any relation of any tenant is read back from its place", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.info(`seed ${seed}`);
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(name, name, fc.constantFrom(PREFIX, SCHEMA), (tenant, relation, layout) => {
      expect(relationAt(layout, tenant, placeOf(layout, tenant, relation))).toBe(relation);
    }),
    { seed },
  );
});

test("server names follow the default pattern", () => {
  const pattern = /^(?<tenant>.+)_fdw_target$/u;
  expect(tenantOfServer(pattern, serverNameOf("tenant_a"))).toBe("tenant_a");
  expect(tenantOfServer(pattern, "billing")).toBeNull();
  expect(tenantOfServer(/^(?<tenant>.*)$/u, "")).toBeNull();
});

test("names count in bytes, and keys of places keep schema and name apart", () => {
  expect(nameBytes("é€𝄞")).toBe(9);
  expect(placeKey({ schema: "a.b", name: "c" })).not.toBe(placeKey({ schema: "a", name: "b.c" }));
});
