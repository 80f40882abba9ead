import { AppError } from "../errors.ts";
import { ExecutionError } from "../execute/execution-error.ts";
import type { FleetExecutor } from "../execute/executor.ts";
import { agreedColumns } from "../plan/agreed-columns.ts";
import { outerSql } from "../plan/outer-sql.ts";
import { planBlock } from "../plan/plan-block.ts";
import type { Describe, PlannedBlock } from "../plan/planned-block.ts";
import { matchTenants } from "../plan/select-tenants.ts";
import type { TypeNames } from "../postgres/column-types.ts";
import type { FunctionNames } from "../postgres/function-names.ts";
import { type CompiledQuery, type CompileOptions, compileTemplate } from "../sql/compile-template.ts";
import type { Folding } from "../sql/fold-constants.ts";
import type { Parser } from "../sql/parser.ts";
import { proveStatement } from "../sql/prove-statement.ts";
import { scanTemplate } from "../template/scan.ts";
import type { Catalog, QueryRequest } from "../types.ts";
import type { ColumnLookups } from "./column-lookups.ts";
import { type JudgeOptions, judgeBlock, type ShapeVerdict } from "./push-down.ts";
import type { RequestPlans, ShapePlans } from "./shape-plans.ts";
import type { Timed } from "./stopwatch.ts";
import type { SelectedTenants } from "./tenant-selection.ts";

/** Has the parser read what PostgreSQL is asked about, which is the text that is proven next. */
function readAhead(describe: Describe, parser: Parser): Describe {
  return (sql) => {
    // The proof asks for the same text, and is told what is wrong with it.
    parser.parse(sql).catch(() => undefined);
    return describe(sql);
  };
}

/** Evaluates on the federation database what a template says of the present. What PostgreSQL refuses stays as it is written. */
async function createFolding(
  { parser, executor, typeNames, functionNames, settings }: PrepareContext,
  limits: { readonly deadlineAtMs: number; readonly signal: AbortSignal },
): Promise<Folding> {
  const volatilities = await functionNames.volatilities();
  return {
    volatilityOf: (name) => volatilities.get(name),
    async evaluate(sql) {
      await proveStatement(sql, { relations: [], functions: settings.allowFunctions }, parser);
      try {
        const { rows, columns } = await executor.runOnce(sql, { ...limits, maxRows: 1, maxBytes: settings.maxBytes });
        const types = await typeNames.namesOf(columns.map(({ typeOid }) => typeOid));
        return rows[0]?.map((text, index) => ({ text, type: types[index] ?? "unknown" })) ?? null;
      } catch (error) {
        if (error instanceof ExecutionError) return null;
        throw error;
      }
    },
  };
}

/** The parts of a query's context that take it to its plan. */
export interface PrepareContext {
  readonly parser: Parser;
  readonly executor: Pick<FleetExecutor, "runOnce">;
  readonly typeNames: TypeNames;
  readonly functionNames: FunctionNames;
  readonly shapePlans: ShapePlans;
  readonly columnLookups: ColumnLookups;
  readonly settings: Pick<CompileOptions, "tenantColumn" | "allowFunctions" | "rewrites"> & {
    readonly maxBytes: number;
  };
  readonly now: () => number;
}

/** What will run: the arms of each copied block, and the statement around them. */
export interface PreparedQuery {
  readonly compiled: CompiledQuery;
  readonly blocks: readonly PlannedBlock[];
  /** Null when the only block's rows are the answer. */
  readonly outerSql: string | null;
  /** What each shape of arm makes the federation database do. */
  readonly verdicts: readonly ShapeVerdict[];
}

/** The stages from the text to the plan: read, guard, rewrite, plan for the tenants that are asked, and prove each text that will be sent. */
export async function prepareQuery(
  request: QueryRequest,
  catalog: Catalog,
  { tenants, visible }: SelectedTenants,
  context: PrepareContext & { readonly timed: Timed; readonly signal: AbortSignal; readonly deadlineAtMs: number },
): Promise<PreparedQuery> {
  const { parser, functionNames, shapePlans, columnLookups, settings, timed, signal, now } = context;
  const plans = shapePlans.forRequest({ catalogVersion: catalog.version, signal });
  const template = await timed("template", () => scanTemplate(request.sql));
  const functions = await functionNames.current();
  const describe = readAhead(plans.describe, parser);
  const folding = await createFolding(context, context);
  const compiled = await timed("sql", () =>
    compileTemplate(template, {
      ...request,
      ...settings,
      columnsOf: columnLookups(catalog, visible),
      isFunction: (name) => functions.has(name),
      describeBlock: (block) => agreedColumns(block, matchTenants(visible, block.selectorOf), describe),
      folding,
      parser,
      nowMs: now(),
    }),
  );
  return timed("plan", async () => {
    const options = {
      tenantColumn: settings.tenantColumn,
      visible,
      describe,
    };
    const planned = await Promise.all(
      compiled.blocks.map((block) => {
        const selected = matchTenants(tenants, block.selectorOf);
        const fleet = matchTenants(visible, block.selectorOf);
        return planBlock(block, matchTenants(selected, { items: block.narrowing }), { ...options, fleet });
      }),
    );
    const blocks = withoutLeftOut(planned);
    // Without columns there are no rows, and nothing to read them with: the caller may see no tenant.
    const typed = blocks.every(({ columns }) => columns.length > 0);
    const outer = compiled.outerSql === null || !typed ? null : outerSql(compiled.outerSql, blocks);
    await proveAll(blocks, outer, { parser, catalog, functions: settings.allowFunctions });
    const permitted = { localRelations: [...catalog.localRelations.values()], functions: settings.allowFunctions };
    const verdicts = (await Promise.all(blocks.map((block) => judgeBlock(block, { plans, ...permitted })))).flat();
    if (outer !== null && compiled.readsLocal) await gateOuter(outer, blocks, compiled, plans, permitted);
    return { compiled, blocks, outerSql: outer, verdicts };
  });
}

/** A statement that runs once reads gathered rows, and of the federation database what `guard.allowRelations` names: its plan must, too. */
async function gateOuter(
  sql: string,
  blocks: readonly PlannedBlock[],
  { outerPosition }: CompiledQuery,
  plans: RequestPlans,
  { localRelations, functions }: Pick<JudgeOptions, "localRelations" | "functions">,
): Promise<void> {
  const parameters = blocks.reduce((count, { columns }) => count + columns.length, 0);
  await plans.gate(sql, parameters, { relations: localRelations, functions }).catch((error: unknown) => {
    throw toQueryError(error, outerPosition);
  });
}

/** Who is left out of one block is left out of the answer: half of a tenant's rows would be wrong, not partial. */
function withoutLeftOut(blocks: readonly PlannedBlock[]): readonly PlannedBlock[] {
  const leftOut = new Set(blocks.flatMap((block) => block.leftOut.map(({ tenant }) => tenant)));
  if (leftOut.size === 0) return blocks;
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
      for (const { tenant, relations } of members) {
        const arm = arms.find((candidate) => candidate.tenant === tenant.name);
        if (arm !== undefined) return [{ sql: arm.sql, relations: [...relations, ...local] }];
      }
      return [];
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
