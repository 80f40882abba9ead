import { expect, test } from "vitest";
import { createReadBudget, lendBudget } from "../../../src/postgres/read-budget.ts";

test("what a revoked loan took is there again, and it takes no more", () => {
  const budget = createReadBudget({ maxRows: 3, maxBytes: 100 });
  const loan = lendBudget(budget);
  expect([loan.admit(40), loan.admit(40), loan.admit(40)]).toEqual([true, true, false]);
  loan.giveBack(1, 40);
  expect(budget.rowsLeft()).toBe(2);
  loan.revoke();
  expect([budget.rowsLeft(), loan.rowsLeft(), loan.admit(1)]).toEqual([3, 0, false]);
  loan.giveBack(1, 40);
  loan.revoke();
  expect([budget.rowsLeft(), budget.admit(100), budget.admit(1)]).toEqual([3, true, false]);
});
