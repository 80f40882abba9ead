import { AppError } from "../errors.ts";
import { ExecutionError } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { type PlanOptions, planBlock } from "../plan/plan-block.ts";
import type { Describe, PlannedBlock } from "../plan/planned-block.ts";
import { resolveRelation } from "../plan/resolve-relation.ts";
import { matchTenants } from "../plan/select-tenants.ts";
import { kindOfType, type TypeNames } from "../postgres/column-types.ts";
import { isFleetRelation } from "../sql/analyse-blocks.ts";
import type { RangeVar } from "../sql/ast.ts";
import type { CompiledQuery, CompileOptions } from "../sql/compile-template.ts";
import type { Catalog, CatalogTenant } from "../types.ts";

/** What a template may name, as the caller's part of the catalog has it. */
export function lookUpIn(
  catalog: Catalog,
  visible: readonly CatalogTenant[],
): Pick<CompileOptions, "isColumn" | "columnsOf"> {
  let all: ReadonlySet<string> | null = null;
  const columnsOf = (relation: RangeVar): ReadonlySet<string> | null => {
    if (!isFleetRelation(relation)) {
      const local = catalog.localRelations.get(`${relation.schemaname ?? "public"}.${relation.relname ?? ""}`);
      return local === undefined ? null : new Set(local.columns.map(({ name }) => name));
    }
    const use = { schema: relation.schemaname ?? null, name: relation.relname ?? "" };
    const columns = new Set<string>();
    for (const tenant of visible)
      for (const column of resolveRelation(use, tenant)?.columns ?? []) columns.add(column.name);
    return columns;
  };
  return {
    columnsOf,
    isColumn: (name) => {
      all ??= new Set(
        [...visible.flatMap(({ relations }) => [...relations.values()]), ...catalog.localRelations.values()].flatMap(
          ({ columns }) => columns.map((column) => column.name),
        ),
      );
      return all.has(name);
    },
  };
}

/** Asks PostgreSQL for the columns of a statement. Refusals are values: one shape of tenants may be refused and another not. */
export function createDescribe(
  executor: Pick<FleetExecutor, "describe">,
  typeNames: TypeNames,
  signal: AbortSignal,
): Describe {
  return async (sql) => {
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
  };
}

/** Plans every copied block for the tenants that its selector takes. */
export async function planBlocks(
  compiled: CompiledQuery,
  tenants: readonly CatalogTenant[],
  options: PlanOptions,
): Promise<readonly PlannedBlock[]> {
  const blocks = await Promise.all(
    compiled.blocks.map((block) => planBlock(block, matchTenants(tenants, block.selectorOf), options)),
  );
  // Who is left out of one block is left out of the answer: half of a tenant's rows would be wrong, not partial.
  const leftOut = new Set(blocks.flatMap((block) => block.leftOut.map(({ tenant }) => tenant)));
  return blocks.map((block) => ({ ...block, arms: block.arms.filter(({ tenant }) => !leftOut.has(tenant)) }));
}

/** PostgreSQL's refusal of a statement that we wrote, as an error that the user can act on. */
export function toQueryError(error: unknown, positionOf: (character: number) => AppError["position"]): unknown {
  if (!(error instanceof ExecutionError)) return error;
  const { message, position } = error.facts;
  return new AppError("QUERY_FAILED", message, {
    position: position === undefined ? undefined : positionOf(position),
    cause: error,
  });
}
