import { type BoundedStore, createBoundedStore } from "../cache/bounded-store.ts";
import { ExecutionError } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import type { Describe, Description } from "../plan/planned-block.ts";
import { kindOfType, type TypeNames } from "../postgres/column-types.ts";
import { gatePlan, type PermittedPlan } from "./gate-plan.ts";
import { type PlanNode, readPlan, visitPlan } from "./plan-node.ts";
import { type PlanVerdict, verdictOf } from "./verdict.ts";

/** What the federation database said of statements before: a panel that comes again asks it nothing but its rows. */
export interface ShapePlans {
  /** For one request, which sees one version of the catalog. */
  forRequest(options: { readonly catalogVersion: string; readonly signal: AbortSignal }): RequestPlans;
  close(): void;
}

export interface RequestPlans {
  readonly describe: Describe;
  /**
   * The verdict on an arm, whose plan was gated. Null when PostgreSQL refuses to plan it: it will refuse to run it, too. Throws QUERY_FORBIDDEN
   * when the plan touches what is not permitted.
   */
  judge(sql: string, permitted: PermittedPlan): Promise<PlanVerdict | null>;
  /** Gates a statement with that many parameters, which belongs to no tenant. Rejects with `ExecutionError` when it is refused. */
  gate(sql: string, parameters: number, permitted: PermittedPlan): Promise<void>;
}

export interface ShapePlansOptions {
  readonly executor: Pick<FleetExecutor, "describe" | "explain">;
  readonly typeNames: TypeNames;
}

const MAX_BYTES = 8 * 1024 * 1024;
// Rights and functions may change without the catalog's notice.
const TTL_MS = 5 * 60_000;

/** Answers are kept for five minutes, by catalog version and by text without its times. A refusal is never kept. */
export function createShapePlans({ executor, typeNames }: ShapePlansOptions): ShapePlans {
  const descriptions = createBoundedStore<Description>({ maxBytes: MAX_BYTES });
  const verdicts = createBoundedStore<PlanVerdict>({ maxBytes: MAX_BYTES });

  return {
    forRequest({ catalogVersion, signal }) {
      const keyOf = (sql: string) => `${catalogVersion} ${withoutTimes(sql)}`;
      // A request asks for the same text more than once, refused or not: without padding a shape's raw arm is its arm.
      const asked = new Map<string, Promise<Description>>();
      const describeAfresh = async (sql: string): Promise<Description> => {
        const key = keyOf(sql);
        const known = descriptions.get(key)?.value;
        if (known !== undefined) return known;
        const description = await describe(sql, signal);
        if (description.ok) keep(descriptions, key, description);
        return description;
      };
      return {
        describe: (sql) => {
          const description = asked.get(sql) ?? describeAfresh(sql);
          asked.set(sql, description);
          return description;
        },
        async judge(sql, permitted) {
          const key = keyOf(sql);
          const known = verdicts.get(key)?.value;
          if (known !== undefined) return known;
          const plan = await executor.explain(sql, signal).catch((error: unknown) => {
            if (error instanceof ExecutionError) return null;
            throw error;
          });
          if (plan === null) return null;
          const root = readPlan(plan);
          gatePlan(root, permitted);
          const verdict = verdictOf(root);
          if (!dependsOnValues(root)) keep(verdicts, key, verdict);
          return verdict;
        },
        gate: async (sql, parameters, permitted) =>
          gatePlan(readPlan(await executor.explain(sql, signal, { parameters })), permitted),
      };
    },
    close() {
      descriptions.close();
      verdicts.close();
    },
  };

  async function describe(sql: string, signal: AbortSignal): Promise<Description> {
    try {
      const columns = await executor.describe(sql, signal);
      const types = await typeNames.namesOf(columns.map(({ typeOid }) => typeOid));
      return {
        ok: true,
        columns: columns.map(({ name }, index) => ({
          name,
          type: types[index] ?? "unknown",
          kind: kindOfType(types[index] ?? "unknown"),
        })),
      };
    } catch (error) {
      if (!(error instanceof ExecutionError)) throw error;
      const { kind, message, position } = error.facts;
      const reason =
        kind === "missing_column"
          ? "column_missing"
          : kind === "missing_relation"
            ? "relation_missing"
            : "query_failed";
      return { ok: false, reason, message, character: position ?? null };
    }
  }
}

function keep<T>(store: BoundedStore<T>, key: string, value: T): void {
  store.set(key, { value, bytes: 4 * key.length, storedAtMs: 0 }, TTL_MS);
}

/**
 * Times and epochs change with every request, and neither columns nor plans depend on them; on whether a number is an integer, a bigint or a
 * numeric they do. More is a time here than to `liftTimes`, which can put back those of one form only.
 */
function withoutTimes(sql: string): string {
  return sql
    .replaceAll(/'\d{4,6}-\d\d-\d\d[ T]\d\d:\d\d[\d:.]*(?:Z|\+00)'/g, "'?'")
    .replaceAll(/(?<![\w."'])\d{9,}(?![\w."'])/g, typedPlace);
}

/** What stands for a whole number: an integer, a bigint or, beyond those, a numeric. */
function typedPlace(digits: string): string {
  const value = BigInt(digits);
  return value > 9_223_372_036_854_775_807n ? "?n" : value > 2_147_483_647n ? "?8" : "?4";
}

/** A condition of constants that does not hold leaves relations out of the plan, which another constant brings back. */
function dependsOnValues(root: PlanNode): boolean {
  let found = false;
  visitPlan(root, (node) => {
    if (node["One-Time Filter"] !== undefined) found = true;
  });
  return found;
}
