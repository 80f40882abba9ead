import { integerConstant, type Node, outputName, pathOf, type ResTarget } from "./ast.ts";

/**
 * How an item of ORDER BY, DISTINCT ON or GROUP BY means an output. PostgreSQL's rule: a whole number is a position, from 1. A name without a
 * qualifier is an output in ORDER BY and DISTINCT ON before it is a column of FROM, in GROUP BY only when FROM has no such column. Everything
 * else is an expression over FROM, in which names are columns.
 */

/** The name that an item is, when it is a name without a qualifier and nothing else; null otherwise. */
export function bareName(item: Node): string | null {
  const [name = null, ...rest] = "ColumnRef" in item ? pathOf(item.ColumnRef.fields) : [];
  return rest.length === 0 ? name : null;
}

/** The outputs of a name, be it written or the one that PostgreSQL gives; it refuses to order by several, unless they are the same. */
export function outputsNamed(name: string, targets: readonly Node[]): readonly ResTarget[] {
  return outputsOf(targets).filter((target) => outputName(target) === name);
}

/** The output whose position an item is. Targets are counted as they are written: behind a star the position may be another column's. */
export function outputAt(item: Node, targets: readonly Node[]): ResTarget | undefined {
  const position = integerConstant(item);
  return position === null ? undefined : outputsOf(targets)[position - 1];
}

/** The outputs that an item of ORDER BY or DISTINCT ON means, none at a position that does not exist; null for an expression over FROM. */
export function sortedOutputs(item: Node, targets: readonly Node[]): readonly ResTarget[] | null {
  if (integerConstant(item) !== null) return [outputAt(item, targets) ?? []].flat();
  const named = outputsNamed(bareName(item) ?? "", targets);
  return named.length === 0 ? null : named;
}

/**
 * The output that an item of GROUP BY means if it is no column of FROM, which would come first; undefined for an expression. Only a written
 * name counts: one that PostgreSQL gives an output is that of a column, or of a function, by which nobody groups.
 */
export function groupedOutput(item: Node, targets: readonly Node[]): ResTarget | undefined {
  const name = bareName(item);
  return name === null ? outputAt(item, targets) : outputsOf(targets).find((target) => target.name === name);
}

function outputsOf(targets: readonly Node[]): readonly ResTarget[] {
  return targets.flatMap((target) => ("ResTarget" in target ? [target.ResTarget] : []));
}
