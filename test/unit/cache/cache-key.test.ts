import fc from "fast-check";
import { expect, test } from "vitest";
import { cacheKey } from "../../../src/cache/cache-key.ts";

test("the order of tenants does not matter, that of parts does", () => {
  expect(cacheKey({ parts: ["a"], tenants: ["x", "y"] })).toBe(cacheKey({ parts: ["a"], tenants: ["y", "x"] }));
  expect(cacheKey({ parts: ["a", "b"], tenants: [] })).not.toBe(cacheKey({ parts: ["b", "a"], tenants: [] }));
});

test("texts that differ in one character, or in where one ends, have other keys", () => {
  const keys = [
    { parts: ["select 1"], tenants: ["a"] },
    { parts: ["select 2"], tenants: ["a"] },
    { parts: ["select 1", ""], tenants: ["a"] },
    { parts: ["select", " 1"], tenants: ["a"] },
    { parts: ["select 1", "a"], tenants: [] },
    { parts: ["select 1"], tenants: ["a", ""] },
    { parts: ["8:select 1"], tenants: ["a"] },
  ].map(cacheKey);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
});

test("keys are equal exactly when the parts and the sets of tenants are", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "1", ":", "\n", "é") }), { maxLength: 4 });
  const sorted = (tenants: readonly string[]): readonly string[] => [...new Set(tenants)].sort();
  fc.assert(
    fc.property(texts, texts, texts, texts, (parts, tenants, otherParts, otherTenants) => {
      const same = JSON.stringify([parts, sorted(tenants)]) === JSON.stringify([otherParts, sorted(otherTenants)]);
      expect(cacheKey({ parts, tenants }) === cacheKey({ parts: otherParts, tenants: otherTenants })).toBe(same);
    }),
    { numRuns: 2_000, verbose: true },
  );
});
