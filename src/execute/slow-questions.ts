import type { Arm, TenantFailure } from "../types.ts";
import { pauseMs } from "./pause.ts";
import { questionOf } from "./question-of.ts";

/**
 * Questions that lately took a tenant too long which can be reached: a circuit breaker for each tenant and question. The tenant is well, so that one
 * heavy panel must not take it from everybody else; and the same panel, asked again and again, must not hold its lane each time.
 */
export interface SlowQuestions {
  /** Null when nothing is known; the failure that it had, while it is left alone. `apart` gives the next trial to the caller, and to nobody else until that ends. */
  claim(arm: Arm): TenantFailure | "apart" | null;
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
  /** True while a trial of it runs. */
  readonly onTrial: boolean;
}

const FIRST_PAUSE_MS = 5_000;
/** A question that nobody has asked for so long after its pause is forgotten. */
const FORGOTTEN_AFTER_MS = 60_000;
const MAX_FOR_A_TENANT = 100;

/** Remembers at most 100 questions of a tenant; the oldest leave first. */
export function createSlowQuestions({ now, random = Math.random }: SlowQuestionsOptions): SlowQuestions {
  /** By tenant, then by question. */
  const slow = new Map<string, Map<string, SlowQuestion>>();

  function remember(
    { tenant, sql }: Arm,
    { failure, failures, onTrial }: Pick<SlowQuestion, "failure" | "failures" | "onTrial">,
  ): void {
    const questions = slow.get(tenant) ?? new Map<string, SlowQuestion>();
    const question = questionOf(sql);
    questions.delete(question);
    const dueAtMs = now() + pauseMs(FIRST_PAUSE_MS, failures, random);
    questions.set(question, { failure, failures, dueAtMs, onTrial });
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
    claim(arm) {
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
      remember(arm, { failure, failures, onTrial: true });
      return "apart";
    },
    note(arm, failure) {
      const { failures = 0, dueAtMs = 0, onTrial = false } = known(arm) ?? {};
      // Panels that ran side by side fail together: that is one failure.
      const isNews = onTrial || dueAtMs <= now();
      remember(arm, { failure, failures: isNews ? failures + 1 : failures, onTrial: false });
    },
    clear: (arm) => {
      if (slow.has(arm.tenant)) forget(arm);
    },
    recovered: (tenant) => slow.delete(tenant),
    retain(tenants) {
      for (const tenant of [...slow.keys()]) if (!tenants.has(tenant)) slow.delete(tenant);
    },
  };
}
