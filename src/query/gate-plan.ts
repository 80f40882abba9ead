import { AppError } from "../errors.ts";
import { ALLOWED_FUNCTIONS } from "../sql/allowed-functions.ts";
import type { CatalogRelation, RelationName } from "../types.ts";
import { type PlanNode, visitPlan } from "./plan-node.ts";

export interface PermittedPlan {
  /** Relations that were decided on; what a view among them reads is permitted as well. */
  readonly relations: readonly Pick<CatalogRelation, "schema" | "name" | "reads">[];
  /** `guard.allowFunctions`. */
  readonly functions: ReadonlySet<string>;
}

/**
 * The gate behind all others: PostgreSQL's own plan of a statement may touch permitted relations and functions only, whatever the text says
 * and whatever the planner has put in the place of a view or of a function. Throws QUERY_FORBIDDEN.
 */
export function gatePlan(plan: PlanNode, { relations, functions }: PermittedPlan): void {
  const permitted = new Set(relations.flatMap((relation) => [relation, ...relation.reads]).map(keyOf));
  visitPlan(plan, (node) => {
    for (const relation of relationsOf(node)) {
      if (!permitted.has(keyOf(relation))) throw refused(`it would read ${relation.schema}.${relation.name}`);
    }
    const called = node["Function Name"];
    if (called === undefined) return;
    const builtIn = node.Schema === "pg_catalog" && ALLOWED_FUNCTIONS.has(called);
    if (!builtIn && !functions.has(called) && !functions.has(`${node.Schema}.${called}`))
      throw refused(`it would call ${called}`);
  });
}

/** The relations that a node of a plan reads: its own, or those of a join that a foreign server does. */
export function relationsOf(node: PlanNode): readonly RelationName[] {
  if (node.Relations !== undefined) return qualifiedNames(node.Relations);
  const name = node["Relation Name"];
  return name === undefined ? [] : [{ schema: node.Schema ?? "", name }];
}

const TOKEN = /"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*|\./gu;

/** The names in `(public.a x) INNER JOIN ("Odd""Schema".b)`, where everything that has a dot in it is one. */
function qualifiedNames(text: string): readonly RelationName[] {
  const tokens = text.match(TOKEN) ?? [];
  return tokens.flatMap((token, index): RelationName[] => {
    const [schema, name] = [tokens[index - 1], tokens[index + 1]];
    return token === "." && schema !== undefined && name !== undefined
      ? [{ schema: unquoted(schema), name: unquoted(name) }]
      : [];
  });
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

function keyOf({ schema, name }: RelationName): string {
  return JSON.stringify([schema, name]);
}

function refused(problem: string): AppError {
  return new AppError("QUERY_FORBIDDEN", `the plan of the statement that would be sent is refused: ${problem}`, {
    hint: "a view or a function in the federation database reads more than Tenantry knows of; list what is meant in guard.allowRelations or guard.allowFunctions",
  });
}
