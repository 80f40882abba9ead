import { createHash } from "node:crypto";
import type { Arm, TenantFailure } from "../types.ts";
import { pauseMs } from "./pause.ts";

/**
 * Questions that lately took a tenant too long which can be reached: a circuit breaker for each tenant and question. The tenant is well, so that one
 * heavy panel must not take it from everybody else; and the same panel, asked again and again, must not hold its lane each time.
 */
export interface SlowQuestions {
  /** Null when nothing is known; the failure that it had, while it is left alone; `apart` when it is to be tried again, by the caller and nobody else. */
  treatmentOf(arm: Arm): TenantFailure | "apart" | null;
  /** It took too long. */
  note(arm: Arm, failure: TenantFailure): void;
  /** It was answered. */
  clear(arm: Arm): void;
  /** The tenant was down and is well again: what it was slow with meanwhile says nothing any more. */
  recovered(tenant: string): void;
  /** Forgets tenants that are not among these. */
  retain(tenants: ReadonlySet<string>): void;
}

export interface SlowQuestionsOptions {
  readonly now: () => number;
  /** From 0 to 1, as `Math.random`, which it is when absent. */
  readonly random?: () => number;
}

interface SlowQuestion {
  readonly failure: TenantFailure;
  readonly failures: number;
  readonly dueAtMs: number;
}

const FIRST_PAUSE_MS = 5_000;
/** A question that nobody has asked for so long after its pause is forgotten. */
const FORGOTTEN_AFTER_MS = 60_000;
const MAX_FOR_A_TENANT = 100;

/** Remembers at most 100 questions of a tenant; the oldest leave first. */
export function createSlowQuestions({ now, random = Math.random }: SlowQuestionsOptions): SlowQuestions {
  /** By tenant, then by question. */
  const slow = new Map<string, Map<string, SlowQuestion>>();

  function remember({ tenant, sql }: Arm, failure: TenantFailure, failures: number): void {
    const questions = slow.get(tenant) ?? new Map<string, SlowQuestion>();
    const question = questionOf(sql);
    questions.delete(question);
    questions.set(question, { failure, failures, dueAtMs: now() + pauseMs(FIRST_PAUSE_MS, failures, random) });
    slow.set(tenant, questions);
    const [oldest] = questions.keys();
    if (questions.size > MAX_FOR_A_TENANT && oldest !== undefined) questions.delete(oldest);
  }

  function forget({ tenant, sql }: Arm): void {
    const questions = slow.get(tenant);
    questions?.delete(questionOf(sql));
    if (questions?.size === 0) slow.delete(tenant);
  }

  const known = ({ tenant, sql }: Arm): SlowQuestion | undefined => slow.get(tenant)?.get(questionOf(sql));

  return {
    treatmentOf(arm) {
      // Hardly any tenant has one: no text is read for the others.
      const question = slow.has(arm.tenant) ? known(arm) : undefined;
      if (question === undefined) return null;
      const { failure, failures, dueAtMs } = question;
      if (dueAtMs > now()) return failure;
      if (dueAtMs + FORGOTTEN_AFTER_MS < now()) {
        forget(arm);
        return null;
      }
      // Until this trial ends, others are told of the last one.
      remember(arm, failure, failures);
      return "apart";
    },
    note: (arm, failure) => remember(arm, failure, (known(arm)?.failures ?? 0) + 1),
    clear: (arm) => {
      if (slow.has(arm.tenant)) forget(arm);
    },
    recovered: (tenant) => slow.delete(tenant),
    retain(tenants) {
      for (const tenant of [...slow.keys()]) if (!tenants.has(tenant)) slow.delete(tenant);
    },
  };
}

/** The text without its literals: a panel asks for another range each time. */
function questionOf(sql: string): string {
  const question = sql.replaceAll(/'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b/g, "?");
  return createHash("sha256").update(question).digest("base64");
}
