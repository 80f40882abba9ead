import { AppError } from "../../../src/errors.ts";
import { resolveRelation } from "../../../src/plan/resolve-relation.ts";
import { quoteQualified } from "../../../src/postgres/quote.ts";
import { type Node, walk } from "../../../src/sql/ast.ts";
import { PART_SLOT } from "../../../src/sql/outer-statement.ts";
import type { Parser } from "../../../src/sql/parser.ts";
import { proveStatement } from "../../../src/sql/prove-statement.ts";
import type { Catalog, CatalogRelation, CatalogTenant } from "../../../src/types.ts";
import { compileSample } from "./compile-sample.ts";

/** What became of an input: the error's code, or `accepted`; `fault` says what must never happen. */
export interface FuzzOutcome {
  readonly outcome: string;
  readonly touchesTenant: boolean;
  readonly fault: string | null;
}

/**
 * Takes a template through reading, compiling and filling in, and looks at every text that would be sent: each is one SELECT, and each reads
 * the relations of its own tenant and the local ones, and nothing else.
 */
export async function checkInput(source: string, catalog: Catalog, parser: Parser): Promise<FuzzOutcome> {
  try {
    const compiled = await compileSample(source, catalog, parser);
    const local = [...catalog.localRelations.values()];
    let touchesTenant = false;
    for (const block of compiled.blocks) {
      const arms: string[] = [];
      const all: CatalogRelation[] = [...local];
      for (const tenant of catalog.tenants.values()) {
        const relations = relationsOf(block.relations, tenant);
        if (relations === null) continue;
        const sql = block.arm.fill(
          tenant.name,
          relations.map(({ schema, name }) => quoteQualified(schema, name)),
        );
        const fault = await faultOf(sql, [...relations, ...local], parser);
        if (fault !== null) return { outcome: "accepted", touchesTenant, fault: `${tenant.name}: ${fault}: ${sql}` };
        arms.push(`(${sql})`);
        all.push(...relations);
        touchesTenant ||= relations.length > 0;
      }
      const lane = arms.join(" UNION ALL ");
      const fault = arms.length === 0 ? null : await faultOf(lane, all, parser);
      if (fault !== null) return { outcome: "accepted", touchesTenant, fault: `a lane: ${fault}: ${lane}` };
    }
    const outer = compiled.outerSql?.replaceAll(PART_SLOT, (slot) => `(SELECT 1 AS n) AS ${slot}`);
    const fault = outer === undefined ? null : await faultOf(outer, local, parser);
    return {
      outcome: "accepted",
      touchesTenant,
      fault: fault === null ? null : `the outer statement: ${fault}: ${outer}`,
    };
  } catch (error) {
    if (error instanceof AppError && error.code !== "INTERNAL")
      return { outcome: error.code, touchesTenant: false, fault: null };
    return {
      outcome: "crash",
      touchesTenant: false,
      fault: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

/** Null when the tenant lacks one of them: it has no arm then. */
function relationsOf(
  uses: readonly { readonly schema: string | null; readonly name: string }[],
  tenant: CatalogTenant,
): readonly CatalogRelation[] | null {
  const relations = uses.flatMap((use) => resolveRelation(use, tenant) ?? []);
  return relations.length === uses.length ? relations : null;
}

async function faultOf(sql: string, permitted: readonly CatalogRelation[], parser: Parser): Promise<string | null> {
  try {
    await proveStatement(sql, { relations: permitted, functions: new Set() }, parser);
    // The same once more, in other words: what proves a statement is part of what is tested.
    const { stmts = [] } = await parser.parse(sql);
    const [root] = stmts;
    if (stmts.length !== 1 || root?.stmt === undefined || !("SelectStmt" in root.stmt)) return "not one SELECT";
    return strangerIn(root.stmt, permitted);
  } catch (error) {
    // What is too deep or too long to be read again is refused before it is sent.
    if (error instanceof AppError && /nested too deeply|tokens; at most/.test(error.message)) return null;
    return error instanceof Error ? error.message : String(error);
  }
}

function strangerIn(root: Node, permitted: readonly CatalogRelation[]): string | null {
  const names = new Set<string | undefined>();
  const strangers: string[] = [];
  walk(root, (node) => {
    if ("CommonTableExpr" in node) names.add(node.CommonTableExpr.ctename);
    return true;
  });
  walk(root, (node) => {
    if (!("RangeVar" in node)) return true;
    const { catalogname, schemaname, relname } = node.RangeVar;
    const known =
      schemaname === undefined
        ? names.has(relname)
        : permitted.some(({ schema, name }) => schema === schemaname && name === relname);
    if (!known || catalogname !== undefined) strangers.push(`${schemaname}.${relname}`);
    return true;
  });
  return strangers.length === 0 ? null : `reads ${strangers.join(", ")}`;
}
