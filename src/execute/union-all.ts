import type { Arm } from "../types.ts";

/** One statement for several arms. Each keeps its own `ORDER BY` and `LIMIT`; a comment at an arm's end ends with it. */
export function unionAll(arms: readonly Arm[]): string {
  const [only, ...others] = arms;
  if (only === undefined) throw new RangeError("a statement needs an arm");
  if (others.length === 0) return only.sql;
  return `(${arms.map(({ sql }) => sql).join("\n)\nUNION ALL\n(")}\n)`;
}
