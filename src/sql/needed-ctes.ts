import { AppError } from "../errors.ts";
import type { BlockAnalysis } from "./analyse-blocks.ts";
import { isSetOperation, rangeVarsOf, type SelectStmt, walk } from "./ast.ts";
import type { CopyContext } from "./copied-block.ts";
import { bindingOf, type CteBinding } from "./cte-scope.ts";

export interface CteReading {
  readonly analysis: BlockAnalysis;
  readonly context: Pick<CopyContext, "positionOf">;
}

/** The outside WITH queries that a copied block reads, so that each arm can stand by itself. */
export function neededCtes(select: SelectStmt, reading: CteReading): readonly CteBinding[] {
  const needed = neededBy(select, reading);
  for (const node of select.withClause?.ctes ?? []) {
    const name = "CommonTableExpr" in node ? node.CommonTableExpr.ctename : undefined;
    if (needed.some((binding) => binding.cte.ctename === name)) {
      throw new AppError("TEMPLATE_UNSUPPORTED", `two WITH queries are called ${name}, and one SELECT reads both`, {
        hint: "give one of them another name",
      });
    }
  }
  return needed;
}

/** WITH queries from outside that `select` reads, at any depth and through one another, in the order of their definition. */
export function neededBy(select: SelectStmt, { analysis, context }: CteReading): CteBinding[] {
  const needed = new Set<CteBinding>();
  const inside = new Set<SelectStmt>();
  const collect = (root: SelectStmt): void => {
    const selects: SelectStmt[] = [];
    walk({ SelectStmt: root }, (node) => {
      if ("SelectStmt" in node) selects.push(node.SelectStmt);
    });
    for (const inner of selects) inside.add(inner);
    for (const inner of selects) {
      if (isSetOperation(inner)) continue;
      for (const relation of rangeVarsOf(inner)) {
        const binding = bindingOf(relation, analysis.scopeOf(inner));
        if (binding === undefined || inside.has(binding.owner) || needed.has(binding) || binding.query === root)
          continue;
        if (binding.class === "once") {
          throw new AppError(
            "TEMPLATE_SCOPE",
            `${relation.relname} has the rows of all tenants, and a SELECT that runs for each tenant cannot read them`,
            {
              position: context.positionOf(relation.location),
              hint: "read it in the SELECT around this one, which runs once",
            },
          );
        }
        needed.add(binding);
        collect(binding.query);
      }
    }
  };
  collect(select);
  return [...needed].sort((a, b) => a.order - b.order);
}
