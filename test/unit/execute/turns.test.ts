import { expect, test } from "vitest";
import { createTurns } from "../../../src/execute/turns.ts";

const never = new AbortController().signal;

test("turns come in order, and one that is given up is passed over", async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  const impatient = new AbortController();
  const leaveFirst = await turns.take(never);
  const second = turns.take(impatient.signal);
  const third = turns.take(never).then((leave) => {
    order.push("third");
    return leave;
  });
  expect(turns.load()).toBe(3);
  impatient.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  expect(order).toEqual([]);
  leaveFirst();
  leaveFirst();
  (await third)();
  expect(order).toEqual(["third"]);
  expect(turns.load()).toBe(0);
});

test("as many as the limit have a turn at once", async () => {
  const turns = createTurns(2);
  await turns.take(never);
  await turns.take(never);
  await expect(turns.take(AbortSignal.timeout(20))).rejects.toThrow();
  expect(turns.load()).toBe(2);
});
