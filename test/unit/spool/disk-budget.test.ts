import fc from "fast-check";
import { expect, test } from "vitest";
import { createSharedDisk } from "../../../src/spool/disk-budget.ts";

test("a caller has half of what the others leave, over all of its answers", () => {
  const disk = createSharedDisk(100);
  const [first, second, other] = [disk.partOf("a"), disk.partOf("a"), disk.partOf("b")];
  expect([first.take(30), second.take(20), second.take(1)]).toEqual([true, true, false]);
  expect([other.take(26), other.take(25), other.take(1)]).toEqual([false, true, false]);
  first.giveBack(30);
  expect([second.take(17), second.take(1), other.take(6), other.take(1)]).toEqual([true, false, true, false]);
});

test("whoever takes and gives back, all together never have more than there is, and a newcomer has something", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(400), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (taking) => {
      const disk = createSharedDisk(1_000);
      const had: { caller: string; bytes: number }[] = [];
      for (const [caller, bytes, returns] of taking) {
        const last = returns ? had.pop() : undefined;
        if (last !== undefined) disk.partOf(last.caller).giveBack(last.bytes);
        else if (disk.partOf(caller).take(bytes)) had.push({ caller, bytes });
        const total = had.reduce((sum, { bytes: one }) => sum + one, 0);
        // Three callers who each have half of what the others leave.
        expect(total).toBeLessThanOrEqual(875);
        const newcomer = disk.partOf("newcomer");
        const half = Math.floor((1_000 - total) / 2);
        expect([newcomer.take(half + 1), newcomer.take(half)]).toEqual([false, true]);
        newcomer.giveBack(half);
      }
    }),
  );
});
