import { expect, test } from "vitest";
import { createSlowQuestions } from "../../../src/execute/slow-questions.ts";

const failure = { tenant: "a", reason: "timeout", detail: "no answer within 10.0 s" } as const;
const panel = (from: string, tenant = "a") => ({ tenant, sql: `SELECT sum(n * 2) FROM t WHERE at >= '${from}'` });

function slowAt() {
  const clock = { nowMs: 0 };
  return { clock, slow: createSlowQuestions({ now: () => clock.nowMs, random: () => 0.5 }) };
}

test("a question that took a tenant too long is left alone, whatever its range, and no other question or tenant is", () => {
  const { slow } = slowAt();
  expect(slow.treatmentOf(panel("2026-01-01"))).toBe(null);
  slow.note(panel("2026-01-01"), failure);
  expect(slow.treatmentOf(panel("2026-01-02 it''s"))).toBe(failure);
  expect(slow.treatmentOf(panel("2026-01-01", "b"))).toBe(null);
  expect(slow.treatmentOf({ tenant: "a", sql: "SELECT count(*) FROM t" })).toBe(null);
});

test("after the pause one caller tries it, and the others wait for what comes of it", () => {
  const { clock, slow } = slowAt();
  slow.note(panel("1"), failure);
  clock.nowMs = 4_999;
  expect(slow.treatmentOf(panel("2"))).toBe(failure);
  clock.nowMs = 5_000;
  expect(slow.treatmentOf(panel("3"))).toBe("apart");
  expect(slow.treatmentOf(panel("4"))).toBe(failure);
  slow.note(panel("3"), failure);
  clock.nowMs = 14_999;
  expect(slow.treatmentOf(panel("5"))).toBe(failure);
  clock.nowMs = 15_000;
  expect(slow.treatmentOf(panel("6"))).toBe("apart");
  slow.clear(panel("6"));
  expect(slow.treatmentOf(panel("7"))).toBe(null);
});

test("a trial that nobody ends comes again, and what nobody asks for is forgotten", () => {
  const { clock, slow } = slowAt();
  slow.note(panel("1"), failure);
  clock.nowMs = 5_000;
  expect(slow.treatmentOf(panel("1"))).toBe("apart");
  clock.nowMs = 10_000;
  expect(slow.treatmentOf(panel("1"))).toBe("apart");
  clock.nowMs = 100_000;
  expect(slow.treatmentOf(panel("1"))).toBe(null);
  expect(slow.treatmentOf(panel("1"))).toBe(null);
});

test("a tenant that was down and is well again is asked everything", () => {
  const { slow } = slowAt();
  slow.note(panel("1"), failure);
  slow.note(panel("1", "b"), { ...failure, tenant: "b" });
  slow.recovered("a");
  expect([slow.treatmentOf(panel("1")), slow.treatmentOf(panel("1", "b"))]).toEqual([
    null,
    { ...failure, tenant: "b" },
  ]);
});

test("a hundred questions of a tenant are remembered, and none of a tenant that left", () => {
  const { slow } = slowAt();
  const ask = (name: string) => ({ tenant: "a", sql: `SELECT ${name}` });
  for (let index = 0; index <= 100; index += 1) slow.note(ask("x".repeat(index + 1)), failure);
  expect(slow.treatmentOf(ask("x"))).toBe(null);
  expect(slow.treatmentOf(ask("xx"))).toBe(failure);
  slow.retain(new Set(["b"]));
  expect(slow.treatmentOf(ask("xx"))).toBe(null);
});
