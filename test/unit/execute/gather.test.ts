import { expect, test } from "vitest";
import { ExecutionError } from "../../../src/execute/execution-error.ts";
import { gather, noteFailures } from "../../../src/execute/gather.ts";
import type { FailedArm } from "../../../src/execute/isolate-failures.ts";
import type { ShareOutcome } from "../../../src/execute/share.ts";
import { MessageTooLarge, type PgErrorFacts, pgErrorFacts } from "../../../src/postgres/pg-error.ts";

const DIVISION: PgErrorFacts = { kind: "query", sqlstate: "22012", message: "division by zero", remote: true };
const NO_TABLE: PgErrorFacts = { kind: "missing_relation", sqlstate: "42P01", message: "no such table", remote: true };
const STOPPED: PgErrorFacts = { kind: "timeout", sqlstate: "57014", message: "statement timeout", remote: true };
const TOO_LARGE = pgErrorFacts(new MessageTooLarge(2 ** 24)) ?? DIVISION;
const ROWS = { columns: [], rows: [["1"]], truncated: false };

const failedArm = (tenant: string, facts: PgErrorFacts): FailedArm => ({ arm: { tenant, sql: "SELECT 1" }, facts });
const outcome = (parts: Partial<ShareOutcome>): ShareOutcome => ({ answers: [], failed: [], absent: [], ...parts });

function noted(parts: Partial<ShareOutcome>): readonly string[] {
  const names: string[] = [];
  noteFailures(outcome(parts), {
    suspects: { note: ({ tenant }) => names.push(tenant) },
    slow: { note: ({ tenant, sql }) => names.push(`${tenant}, ${sql}`) },
  });
  return names;
}

test("a query that fails everywhere is the query's fault, and puts no tenant under suspicion", () => {
  const everywhere = { failed: [failedArm("a", DIVISION), failedArm("b", DIVISION)] };
  expect(() => gather(outcome(everywhere))).toThrow(ExecutionError);
  expect(noted(everywhere)).toEqual([]);
  // One that is down says nothing of the query, nor the query of it.
  const absent = [{ tenant: "c", reason: "timeout", detail: "" } as const];
  expect(gather(outcome({ ...everywhere, absent })).failures).toHaveLength(3);
  expect(noted({ ...everywhere, absent })).toEqual([]);
});

test("a tenant that fails where another answers is under suspicion, unless it is already or no tenant saw the query", () => {
  const failed = [failedArm("a", DIVISION), { ...failedArm("b", DIVISION), noted: true } as const];
  expect(noted({ failed, answers: [ROWS] })).toEqual(["a"]);
  expect(noted({ failed: [failedArm("a", { ...DIVISION, remote: false })], answers: [ROWS] })).toEqual([]);
  expect(noted({ failed: [failedArm("a", TOO_LARGE)], answers: [ROWS] })).toEqual(["a"]);
  expect(noted({ failed: [failedArm("a", TOO_LARGE)] })).toEqual([]);
});

test("tenants that lack something are under suspicion even if all do, and of those that stopped the statement only the question is", () => {
  expect(noted({ failed: [failedArm("a", NO_TABLE), failedArm("b", NO_TABLE)] })).toEqual(["a", "b"]);
  expect(noted({ failed: [failedArm("a", STOPPED)], answers: [ROWS] })).toEqual(["a, SELECT 1"]);
});
