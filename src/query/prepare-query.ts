import { AppError } from "../errors.ts";
import { ExecutionError } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { outerSql } from "../plan/outer-sql.ts";
import { planBlock } from "../plan/plan-block.ts";
import type { Describe, PlannedBlock } from "../plan/planned-block.ts";
import { resolveRelation } from "../plan/resolve-relation.ts";
import { matchTenants } from "../plan/select-tenants.ts";
import { kindOfType, type TypeNames } from "../postgres/column-types.ts";
import type { FunctionNames } from "../postgres/function-names.ts";
import { isFleetRelation } from "../sql/analyse-blocks.ts";
import type { RangeVar } from "../sql/ast.ts";
import type { ColumnFacts } from "../sql/column-scope.ts";
import { type CompiledQuery, type CompileOptions, compileTemplate, LOCAL_SCHEMA } from "../sql/compile-template.ts";
import type { Parser } from "../sql/parser.ts";
import { proveStatement } from "../sql/prove-statement.ts";
import { scanTemplate } from "../template/scan.ts";
import type { Catalog, CatalogRelation, CatalogTenant, QueryRequest } from "../types.ts";
import type { Timed } from "./stopwatch.ts";
import type { SelectedTenants } from "./tenant-selection.ts";

/** What a template may name, as the caller's part of the catalog has it. */
export function lookUpIn(catalog: Catalog, visible: readonly CatalogTenant[]): Pick<CompileOptions, "columnsOf"> {
  const known = new Map<string, ReadonlyMap<string, ColumnFacts>>();
  const columnsOf = (relation: RangeVar): ReadonlyMap<string, ColumnFacts> | null => {
    if (!isFleetRelation(relation)) {
      const local = catalog.localRelations.get(`${relation.schemaname ?? LOCAL_SCHEMA}.${relation.relname ?? ""}`);
      return local === undefined ? null : mergeColumns([local]);
    }
    const use = { schema: relation.schemaname ?? null, name: relation.relname ?? "" };
    // A name is looked up for each mention of a column, a relation has hundreds of tenants.
    const key = JSON.stringify(use);
    const columns = known.get(key) ?? mergeColumns(visible.flatMap((tenant) => resolveRelation(use, tenant) ?? []));
    known.set(key, columns);
    return columns;
  };
  return { columnsOf };
}

/** The columns of one relation in several tenants, by name. */
function mergeColumns(relations: readonly CatalogRelation[]): ReadonlyMap<string, ColumnFacts> {
  const merged = new Map<string, { types: Set<string>; count: number }>();
  for (const { columns } of relations) {
    for (const { name, type } of columns) {
      const column = merged.get(name) ?? { types: new Set(), count: 0 };
      column.types.add(type);
      column.count += 1;
      merged.set(name, column);
    }
  }
  return new Map(
    [...merged].map(([name, { types, count }]) => [name, { types, everywhere: count === relations.length }]),
  );
}

/** Asks PostgreSQL for the columns of a statement. Refusals are values: one shape of tenants may be refused and another not. */
function createDescribe(
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

/** The parts of a query's context that take it to its plan. */
export interface PrepareContext {
  readonly parser: Parser;
  readonly executor: Pick<FleetExecutor, "describe">;
  readonly typeNames: TypeNames;
  readonly functionNames: FunctionNames;
  readonly settings: Pick<CompileOptions, "tenantColumn" | "allowFunctions" | "rewrites">;
  readonly now: () => number;
}

/** What will run: the arms of each copied block, and the statement around them. */
export interface PreparedQuery {
  readonly compiled: CompiledQuery;
  readonly blocks: readonly PlannedBlock[];
  /** Null when the only block's rows are the answer. */
  readonly outerSql: string | null;
}

/** The stages from the text to the plan: read, guard, rewrite, plan for the tenants that are asked, and prove each text that will be sent. */
export async function prepareQuery(
  request: QueryRequest,
  catalog: Catalog,
  { tenants, visible }: SelectedTenants,
  context: PrepareContext & { readonly timed: Timed; readonly signal: AbortSignal },
): Promise<PreparedQuery> {
  const { parser, executor, typeNames, functionNames, settings, timed, signal, now } = context;
  const template = await timed("template", () => scanTemplate(request.sql));
  const functions = await functionNames.current();
  const compiled = await timed("sql", () =>
    compileTemplate(template, {
      ...request,
      ...settings,
      ...lookUpIn(catalog, visible),
      isFunction: (name) => functions.has(name),
      parser,
      nowMs: now(),
    }),
  );
  return timed("plan", async () => {
    const options = {
      tenantColumn: settings.tenantColumn,
      visible,
      describe: createDescribe(executor, typeNames, signal),
    };
    const planned = await Promise.all(
      compiled.blocks.map((block) =>
        planBlock(block, matchTenants(tenants, block.selectorOf), {
          ...options,
          fleet: matchTenants(visible, block.selectorOf),
        }),
      ),
    );
    const blocks = withoutLeftOut(planned);
    // Without columns there are no rows, and nothing to read them with: the caller may see no tenant.
    const typed = blocks.every(({ columns }) => columns.length > 0);
    const outer = compiled.outerSql === null || !typed ? null : outerSql(compiled.outerSql, blocks);
    await proveAll(blocks, outer, { parser, catalog, functions: settings.allowFunctions });
    return { compiled, blocks, outerSql: outer };
  });
}

/** Who is left out of one block is left out of the answer: half of a tenant's rows would be wrong, not partial. */
function withoutLeftOut(blocks: readonly PlannedBlock[]): readonly PlannedBlock[] {
  const leftOut = new Set(blocks.flatMap((block) => block.leftOut.map(({ tenant }) => tenant)));
  return blocks.map((block) => ({ ...block, arms: block.arms.filter(({ tenant }) => !leftOut.has(tenant)) }));
}

/** One arm stands for all of its shape: they differ in nothing but quoted names. */
async function proveAll(
  blocks: readonly PlannedBlock[],
  outer: string | null,
  options: { readonly parser: Parser; readonly catalog: Catalog; readonly functions: ReadonlySet<string> },
): Promise<void> {
  const { parser, catalog, functions } = options;
  const local = [...catalog.localRelations.values()];
  const samples = blocks.flatMap(({ arms, shapes }) =>
    shapes.flatMap(({ members }) => {
      const sample = members.find(({ tenant }) => arms.some((arm) => arm.tenant === tenant.name));
      const sql = arms.find((arm) => arm.tenant === sample?.tenant.name)?.sql;
      return sample === undefined || sql === undefined ? [] : [{ sql, relations: [...sample.relations, ...local] }];
    }),
  );
  if (outer !== null) samples.push({ sql: outer, relations: local });
  await Promise.all(samples.map(({ sql, relations }) => proveStatement(sql, { relations, functions }, parser)));
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
