import { expect, test } from "vitest";
import { createParseMemory } from "../../../src/sql/parse-memory.ts";

test("knows exactly the texts that it was given", () => {
  const memory = createParseMemory({ maxCharacters: 100 });
  memory.set("SELECT 1", "{1}");
  expect(memory.get("SELECT 1")).toBe("{1}");
  expect(memory.get("SELECT 1 ")).toBeUndefined();
  expect(memory.get("select 1")).toBeUndefined();
});

test("lets the least recently used leave when there is no room", () => {
  const memory = createParseMemory({ maxCharacters: 12 });
  for (const sql of ["a", "b", "c"]) memory.set(sql, "...");
  memory.get("a");
  memory.set("d", "...");
  expect(["a", "b", "c", "d"].map((sql) => memory.get(sql))).toEqual(["...", undefined, "...", "..."]);
  memory.set("e", "......");
  expect(["a", "c", "d", "e"].map((sql) => memory.get(sql))).toEqual([undefined, undefined, "...", "......"]);
});

test("counts a text once that is set again", () => {
  const memory = createParseMemory({ maxCharacters: 12 });
  memory.set("a", "...");
  for (let time = 0; time < 10; time += 1) memory.set("b", "......");
  expect(memory.get("a")).toBe("...");
  memory.set("b", "...");
  memory.set("c", "...");
  expect(["a", "b", "c"].map((sql) => memory.get(sql))).toEqual(["...", "...", "..."]);
});

test("does not keep what takes more than all room, and keeps the others", () => {
  const memory = createParseMemory({ maxCharacters: 8 });
  memory.set("a", "...");
  memory.set("b", "........");
  expect(memory.get("b")).toBeUndefined();
  expect(memory.get("a")).toBe("...");
});
