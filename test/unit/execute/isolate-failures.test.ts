import fc from "fast-check";
import { expect, test } from "vitest";
import { ExecutionError } from "../../../src/execute/execution-error.ts";
import { isolateFailures, startProgress, takeApart } from "../../../src/execute/isolate-failures.ts";
import { SessionLost } from "../../../src/postgres/pg-error.ts";
import type { Arm, TextRows } from "../../../src/types.ts";

const arms = (count: number): readonly Arm[] =>
  Array.from({ length: count }, (_, index) => ({ tenant: `t${index}`, sql: `select ${index}` }));
const answerOf = (group: readonly Arm[]): TextRows => ({
  columns: [],
  rows: group.map((arm) => [arm.tenant]),
  truncated: false,
});
const serverError = (code: string, where?: string) =>
  Object.assign(new Error("secret host"), { severity: "ERROR", code, where });
const remote = () => serverError("22012", "remote SQL command: SELECT 1/0");

function runFailing(bad: ReadonlySet<string>, statements: number[] = []) {
  return async (group: readonly Arm[]): Promise<TextRows> => {
    statements.push(group.length);
    if (group.some((arm) => bad.has(arm.tenant))) throw remote();
    return answerOf(group);
  };
}

test("whichever arms are bad, the others are answered once and the bad ones named", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async (healthy) => {
      const all = arms(healthy.length);
      const bad = new Set(all.filter((_, index) => healthy[index] === false).map((arm) => arm.tenant));
      const progress = startProgress([all]);
      await isolateFailures(progress, runFailing(bad));
      const answered = progress.answers.flatMap((answer) => answer.rows.map(([tenant]) => tenant));
      expect(answered.toSorted()).toEqual(
        all
          .map((arm) => arm.tenant)
          .filter((tenant) => !bad.has(tenant))
          .toSorted(),
      );
      expect(progress.failed.map(({ arm }) => arm.tenant).toSorted()).toEqual([...bad].toSorted());
    }),
    { verbose: true },
  );
});

test("one bad arm of 64 takes 13 statements", async () => {
  const statements: number[] = [];
  const progress = startProgress([arms(64)]);
  await isolateFailures(progress, runFailing(new Set(["t17"]), statements));
  expect(statements).toHaveLength(13);
  expect(progress.failed[0]?.facts).toMatchObject({ sqlstate: "22012", remote: true });
  expect(progress.failed[0]?.facts.message).not.toContain("secret");
});

test("a query that PostgreSQL refuses is not taken apart", async () => {
  let runs = 0;
  const refused = async (): Promise<TextRows> => {
    runs += 1;
    throw Object.assign(serverError("42883"), { position: "8" });
  };
  await expect(isolateFailures(startProgress([arms(8)]), refused)).rejects.toThrow(ExecutionError);
  expect(runs).toBe(1);
});

test("an error of class 42 without a place in the text comes of a value, and is its tenant's", async () => {
  const progress = startProgress([arms(8)]);
  await isolateFailures(progress, async (group) => {
    // `'a & & b'::tsquery`
    if (group.some(({ tenant }) => tenant === "t3")) throw serverError("42601");
    return { columns: [], rows: group.map(({ tenant }) => [tenant]), truncated: false };
  });
  expect(progress.failed.map(({ arm }) => arm.tenant)).toEqual(["t3"]);
  expect(progress.answers.flatMap(({ rows }) => rows)).toHaveLength(7);
});

test("after a lost session what was answered stays, and the rest can be run again", async () => {
  const progress = startProgress([arms(4)]);
  let alive = true;
  const bad = new Set(["t3"]);
  const dying = async (group: readonly Arm[]): Promise<TextRows> => {
    if (!alive) throw new SessionLost();
    if (group.length === 2 && !group.some((arm) => bad.has(arm.tenant))) alive = false;
    return runFailing(bad)(group);
  };
  await expect(isolateFailures(progress, dying)).rejects.toThrow(SessionLost);
  expect(progress.pending.flat().map((arm) => arm.tenant)).toEqual(["t2", "t3"]);
  await isolateFailures(progress, runFailing(bad));
  expect(progress.answers.flatMap((answer) => answer.rows.flat())).toEqual(["t0", "t1", "t2"]);
  expect(progress.failed.map(({ arm }) => arm.tenant)).toEqual(["t3"]);
});

test("arms that are taken apart run by themselves, after the others of their group", async () => {
  const progress = startProgress([arms(4), arms(6).slice(4)]);
  takeApart(progress, ({ tenant }) => ["t1", "t2", "t4", "t5"].includes(tenant));
  const statements: string[] = [];
  await isolateFailures(progress, async (group) => {
    statements.push(group.map(({ tenant }) => tenant).join(" "));
    return answerOf(group);
  });
  expect(statements).toEqual(["t0 t3", "t1", "t2", "t4", "t5"]);
});
