import { expect, test } from "vitest";
import { askSuspect, askSuspects } from "../../../src/execute/ask-suspects.ts";
import { type AskOptions, createLoneSessions, type LoneOutcome } from "../../../src/execute/lone-sessions.ts";
import type { Share, ShareContext } from "../../../src/execute/share.ts";
import { createSlowQuestions } from "../../../src/execute/slow-questions.ts";
import { createStuckSessions } from "../../../src/execute/stuck-sessions.ts";
import { createSuspects } from "../../../src/execute/suspects.ts";
import type { PgErrorFacts } from "../../../src/postgres/pg-error.ts";
import { createReadBudget } from "../../../src/postgres/read-budget.ts";
import { createServer } from "./fake-server.ts";

const never = new AbortController().signal;
const now = () => 0;
const NO_ROWS = { columns: [], rows: [], truncated: false };
const facts = (kind: PgErrorFacts["kind"], sqlstate: string, remote = true): PgErrorFacts => ({
  kind,
  sqlstate,
  remote,
  message: "refused",
});
const failed = (...given: Parameters<typeof facts>): LoneOutcome => ({ kind: "failed", facts: facts(...given) });
const silent = (to: "probe" | "question"): LoneOutcome => ({ kind: "silent", afterMs: 9_000, to, reached: false });

const DOWN = { tenant: "a", reason: "timeout", detail: "no answer within 10.0 s" } as const;
const ARM = { tenant: "a", sql: "SELECT 1" };

/** What is known of a tenant that was down, and of a question that it was slow with, when asking it has ended so. */
async function known(outcome: LoneOutcome, probeAnswers: boolean) {
  const suspects = createSuspects({ now, observe: () => undefined, onTrusted: () => undefined });
  const slow = createSlowQuestions({ now });
  suspects.note(DOWN);
  slow.note(ARM, DOWN);
  const ask = async ({ probe }: AskOptions): Promise<LoneOutcome> => {
    if (probeAnswers) probe?.onAnswer?.();
    return outcome;
  };
  await askSuspect(
    ARM,
    { read: async () => NO_ROWS },
    contextOf({ suspects, slow, lone: { ask, close: async () => undefined } }),
  );
  const tenant = suspects.treatmentOf("a");
  return { tenant: typeof tenant === "string" ? tenant : "down", slow: slow.claim(ARM) !== null };
}

function contextOf(parts: Pick<ShareContext, "suspects" | "slow" | "lone">): ShareContext {
  const stuck = createStuckSessions({ now });
  const probe = { tenant: "a", sql: "SELECT 0" };
  return {
    ...parts,
    stuck,
    probeOf: () => probe,
    probeMs: () => 1_000,
    tenantDeadlineMs: 10_000,
    observe: () => undefined,
    now,
    closing: never,
  };
}

test.each([
  ["an answer", { kind: "answered", rows: NO_ROWS }, true, "shared", false],
  ["the tenant's own timeout", failed("timeout", "57014"), true, "shared", true],
  ["the tenant's refusal", failed("query", "22012"), true, "alone", false],
  ["a row that is too large", failed("query", "54000", false), true, "alone", false],
  ["a refusal that is not the tenant's", failed("query", "42P01", false), true, "shared", false],
  ["a tenant that is gone", failed("unreachable", "08001"), false, "down", false],
  ["silence after an answered probe", silent("question"), true, "shared", true],
  ["silence after a probe that failed", silent("question"), false, "down", true],
  ["silence to the probe", silent("probe"), false, "down", true],
  ["no session", { kind: "no_session" }, false, "down", true],
] as const)("%s says of the tenant and of the question what it can", async (_, outcome, probeAnswers, tenant, slow) => {
  expect(await known(outcome, probeAnswers)).toEqual({ tenant, slow });
});

test("a probe that fails is no answer, and the question is asked all the same", async () => {
  const asked: string[] = [];
  const { openSession } = createServer({ connectMs: 0 });
  const lone = createLoneSessions({ openSession, stuck: createStuckSessions({ now }), now });
  const probe = {
    read: () => Promise.reject(new Error("connection refused")),
    withinMs: 1_000,
    onAnswer: () => asked.push("answered"),
  };
  const read: AskOptions["read"] = async () => {
    asked.push("question");
    return NO_ROWS;
  };
  expect(await lone.ask({ probe, read, timeoutMs: 1_000, untilMs: 1_000, signals: [] })).toMatchObject({
    kind: "answered",
  });
  expect(asked).toEqual(["question"]);
});

test("a caller who leaves ends what he asked", async () => {
  const given: (readonly AbortSignal[])[] = [];
  const ask = async ({ signals }: AskOptions): Promise<LoneOutcome> => {
    given.push(signals);
    return { kind: "not_asked" };
  };
  const suspects = createSuspects({ now, observe: () => undefined, onTrusted: () => undefined });
  const context = contextOf({
    suspects,
    slow: createSlowQuestions({ now }),
    lone: { ask, close: async () => undefined },
  });
  const { signal } = new AbortController();
  const share: Share = {
    arms: [ARM],
    budget: createReadBudget({ maxRows: 1, maxBytes: 1 }),
    deadlineAtMs: 10_000,
    signal,
    cleanUpDue: Promise.resolve(),
  };
  await askSuspects([ARM], share, context);
  expect(given.flat()).toContain(signal);
});
