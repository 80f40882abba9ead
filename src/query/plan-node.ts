import { z } from "zod";

/** The parts of `EXPLAIN (VERBOSE, FORMAT JSON)` that gate and verdict need; other fields are ignored. */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Parent Relationship"?: string | undefined;
  readonly Schema?: string | undefined;
  readonly "Relation Name"?: string | undefined;
  /** What a foreign scan reads when that is a join or an aggregate: `Aggregate on (public.a x)`. */
  readonly Relations?: string | undefined;
  readonly "Function Name"?: string | undefined;
  readonly "Async Capable"?: boolean | undefined;
  readonly Filter?: string | undefined;
  readonly "One-Time Filter"?: string | undefined;
  readonly "Join Filter"?: string | undefined;
  readonly "Hash Cond"?: string | undefined;
  readonly "Merge Cond"?: string | undefined;
  readonly "Group Key"?: readonly string[] | undefined;
  readonly Output?: readonly string[] | undefined;
  readonly Plans?: readonly PlanNode[] | undefined;
}

const text = z.string().optional();
const texts = z.array(z.string()).optional();

const planNode: z.ZodType<PlanNode> = z.lazy(() =>
  z.object({
    "Node Type": z.string(),
    "Parent Relationship": text,
    Schema: text,
    "Relation Name": text,
    Relations: text,
    "Function Name": text,
    "Async Capable": z.boolean().optional(),
    Filter: text,
    "One-Time Filter": text,
    "Join Filter": text,
    "Hash Cond": text,
    "Merge Cond": text,
    "Group Key": texts,
    Output: texts,
    Plans: z.array(planNode).optional(),
  }),
);

const explained = z.tuple([z.object({ Plan: planNode })]);

/** The root of a plan as the server gave it. */
export function readPlan(explanation: unknown): PlanNode {
  return explained.parse(explanation)[0].Plan;
}

/** Calls `visit` for every node, parents first. */
export function visitPlan(node: PlanNode, visit: (node: PlanNode) => void): void {
  visit(node);
  for (const child of node.Plans ?? []) visitPlan(child, visit);
}
