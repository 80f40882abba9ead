import { expect, test } from "vitest";
import { createSlowQuestions } from "../../../src/execute/slow-questions.ts";

const failure = { tenant: "a", reason: "timeout", detail: "no answer within 10.0 s" } as const;
/** The same panel, whatever the hour (2001 is a good while away). */
const panel = (hour: number, tenant = "a") => ({
  tenant,
  sql: `SELECT sum(n * 2) FROM t WHERE at >= '2001-01-01T0${hour}:00:00Z'`,
});

function slowAt() {
  const clock = { nowMs: 0 };
  return { clock, slow: createSlowQuestions({ now: () => clock.nowMs, random: () => 0.5 }) };
}

test("a question that took a tenant too long is left alone, whatever its range, and no other question or tenant is", () => {
  const { slow } = slowAt();
  expect(slow.claim(panel(1))).toBe(null);
  slow.note(panel(1), failure);
  expect(slow.claim(panel(2))).toBe(failure);
  expect(slow.claim(panel(1, "b"))).toBe(null);
  expect(slow.claim({ tenant: "a", sql: "SELECT count(*) FROM t" })).toBe(null);
});

test("after the pause one caller tries it, and the others wait for what comes of it", () => {
  const { clock, slow } = slowAt();
  slow.note(panel(1), failure);
  clock.nowMs = 4_999;
  expect(slow.claim(panel(2))).toBe(failure);
  clock.nowMs = 5_000;
  expect(slow.claim(panel(3))).toBe("apart");
  expect(slow.claim(panel(4))).toBe(failure);
  slow.note(panel(3), failure);
  clock.nowMs = 14_999;
  expect(slow.claim(panel(5))).toBe(failure);
  clock.nowMs = 15_000;
  expect(slow.claim(panel(6))).toBe("apart");
  slow.clear(panel(6));
  expect(slow.claim(panel(7))).toBe(null);
});

test("panels that ran side by side fail once; trials that fail make the pause longer", () => {
  const { clock, slow } = slowAt();
  for (let count = 0; count < 3; count += 1) slow.note(panel(count), failure);
  clock.nowMs = 5_000;
  expect(slow.claim(panel(1))).toBe("apart");
  clock.nowMs = 6_000;
  slow.note(panel(1), failure);
  clock.nowMs = 15_999;
  expect(slow.claim(panel(1))).toBe(failure);
  clock.nowMs = 16_000;
  expect(slow.claim(panel(1))).toBe("apart");
});

test("a trial that nobody ends comes again, and what nobody asks for is forgotten", () => {
  const { clock, slow } = slowAt();
  slow.note(panel(1), failure);
  clock.nowMs = 5_000;
  expect(slow.claim(panel(1))).toBe("apart");
  clock.nowMs = 10_000;
  expect(slow.claim(panel(1))).toBe("apart");
  clock.nowMs = 100_000;
  expect(slow.claim(panel(1))).toBe(null);
  expect(slow.claim(panel(1))).toBe(null);
});

test("a tenant that was down and is well again is asked everything", () => {
  const { slow } = slowAt();
  slow.note(panel(1), failure);
  slow.note(panel(1, "b"), { ...failure, tenant: "b" });
  slow.recovered("a");
  expect([slow.claim(panel(1)), slow.claim(panel(1, "b"))]).toEqual([null, { ...failure, tenant: "b" }]);
});

test("a hundred questions of a tenant are remembered, and none of a tenant that left", () => {
  const { slow } = slowAt();
  const ask = (name: string) => ({ tenant: "a", sql: `SELECT ${name}` });
  for (let index = 0; index <= 100; index += 1) slow.note(ask("x".repeat(index + 1)), failure);
  expect(slow.claim(ask("x"))).toBe(null);
  expect(slow.claim(ask("xx"))).toBe(failure);
  slow.retain(new Set(["b"]));
  expect(slow.claim(ask("xx"))).toBe(null);
});
