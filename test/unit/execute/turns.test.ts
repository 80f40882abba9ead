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

test("callers have their turns by rotation, however many of one are waiting", async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  const leave = await turns.take(never, "a");
  const waiting = ["a1", "a2", "a3", "b1", "c1", "b2"].map((name) =>
    turns.take(never, name.charAt(0)).then((end) => {
      order.push(name);
      end();
    }),
  );
  leave();
  await Promise.all(waiting);
  expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  expect(turns.load()).toBe(0);
});

test("who came last of the longest queue makes room for a caller who has fewer, and for no other", async () => {
  const turns = createTurns(1);
  const leave = await turns.take(never, "a");
  const waits = ["a", "a", "a", "b"].map((caller) => turns.take(never, caller));
  const last = expect(waits[2]).rejects.toThrow("full");
  expect(turns.displace("b", new Error("full"))).toBe(true);
  await last;
  expect(turns.displace("b", new Error("full"))).toBe(false);
  expect(turns.displace("a", new Error("full"))).toBe(false);
  expect(turns.displace("c", new Error("full"))).toBe(true);
  await expect(waits[1]).rejects.toThrow("full");
  leave();
  for (const index of [0, 3]) (await waits[index])?.();
  expect(turns.load()).toBe(0);
});

test("who is next is told by what it came together with", async () => {
  const turns = createTurns(1);
  const [ours, theirs] = [Symbol("ours"), Symbol("theirs")];
  const leave = await turns.take(never, "a");
  expect(turns.next()).toBe(undefined);
  const waits = [turns.take(never, "a", ours), turns.take(never, "a", ours), turns.take(never, "b", theirs)];
  expect(turns.next()).toBe(ours);
  leave();
  (await waits[0])?.();
  expect(turns.next()).toBe(ours);
  (await waits[2])?.();
  (await waits[1])?.();
  expect(turns.next()).toBe(undefined);
  expect(turns.load()).toBe(0);
});
