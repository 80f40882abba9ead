import fc from "fast-check";
import {
  AGGREGATES,
  condition,
  direction,
  directions,
  EXPRESSIONS,
  expressionsOf,
  kind,
  orderOf,
  outputs,
  source,
} from "./expressions.ts";
import type { CopiedBlock, Kind } from "./random-template.ts";

const kinds = fc.array(kind, { minLength: 1, maxLength: 4 });

/** Rows of one tenant's tables, as they are or DISTINCT. */
export function projection(wanted: readonly Kind[]): fc.Arbitrary<CopiedBlock> {
  return fc.tuple(expressionsOf(wanted), source, condition, fc.nat(3)).map(([expressions, from, where, distinct]) => ({
    sql: `SELECT ${distinct === 0 ? "DISTINCT " : ""}${outputs(expressions)} FROM ${from} WHERE ${where}`,
    kinds: wanted,
  }));
}

export const plain: fc.Arbitrary<CopiedBlock> = kinds.chain(projection);

export const grouping: fc.Arbitrary<CopiedBlock> = fc
  .tuple(fc.subarray([...AGGREGATES], { minLength: 1, maxLength: 3 }), kind, source, condition, fc.nat(4), fc.boolean())
  .chain(([aggregates, key, from, where, form, having]) =>
    // A literal is no expression to group by.
    fc.constantFrom(...EXPRESSIONS[key].filter((text) => !/^(E|U&)?'[^']*'$/.test(text))).map((expression) => {
      const grouped = form > 0;
      const items = [...(grouped ? [expression] : []), ...aggregates.map(([aggregate]) => aggregate)];
      const group =
        [
          "",
          " GROUP BY 1",
          ` GROUP BY ${expression}`,
          " GROUP BY ROLLUP (1)",
          ` GROUP BY GROUPING SETS ((${expression}), ())`,
        ][form] ?? "";
      return {
        sql: `SELECT ${outputs(items)} FROM ${from} WHERE ${where}${group}${having ? " HAVING count(*) > 1" : ""}`,
        kinds: [...(grouped ? [key] : []), ...aggregates.map(([, result]) => result)],
      };
    }),
  );

const setOperation: fc.Arbitrary<CopiedBlock> = kinds.chain((wanted) =>
  fc
    .tuple(
      projection(wanted),
      projection(wanted),
      fc.constantFrom("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL"),
    )
    .map(([left, right, operation]) => ({ sql: `${left.sql} ${operation} ${right.sql}`, kinds: wanted })),
);

const withQuery: fc.Arbitrary<CopiedBlock> = kinds.chain((wanted) =>
  projection(["number", ...wanted]).map(({ sql }) => ({
    sql: `WITH w AS (${sql}) SELECT ${outputs(wanted.map((_, index) => `w.c${index + 1}`))} FROM $<tenant>_r r JOIN w ON w.c0 >= r.w`,
    kinds: wanted,
  })),
);

const recursion: fc.Arbitrary<CopiedBlock> = fc.nat(3).map((depth) => ({
  sql: `WITH RECURSIVE s AS (SELECT r.id AS c0, r.w AS c1, 0 AS c2 FROM $<tenant>_r r UNION SELECT s.c0, r.w, s.c2 + 1 FROM s JOIN $<tenant>_r r ON r.id = s.c1 WHERE s.c2 < ${depth}) SELECT s.c0, s.c1, s.c2 FROM s LEFT JOIN $<tenant>_r one ON one.id = s.c1`,
  kinds: ["number", "number", "number"],
}));

const windows: fc.Arbitrary<CopiedBlock> = fc
  .tuple(source, condition, direction, fc.nat(2))
  .map(([from, where, order, form]) => {
    const call =
      [
        `rank() OVER (PARTITION BY l.grp ORDER BY l.id${order})`,
        `sum(l.id) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)`,
        `count(*) OVER w`,
      ][form] ?? "";
    return {
      sql: `SELECT l.id AS c0, ${call} AS c1 FROM ${from} WHERE ${where} WINDOW w AS (PARTITION BY l.ok)`,
      kinds: ["number", "number"],
    };
  });

const distinctOn: fc.Arbitrary<CopiedBlock> = fc.tuple(condition, direction).map(([where, order]) => ({
  sql: `SELECT DISTINCT ON (l.grp) l.grp AS c0, l.id AS c1 FROM $<tenant>_l l WHERE ${where} ORDER BY l.grp${order}, l.id`,
  kinds: ["text", "number"],
}));

const scalars: fc.Arbitrary<CopiedBlock> = condition.map((where) => ({
  sql: `SELECT (SELECT count(*) FROM $<tenant>_l l WHERE ${where}) AS c0, ARRAY(SELECT r.w FROM $<tenant>_r r ORDER BY 1)::text AS c1`,
  kinds: ["number", "text"],
}));

/** Copied blocks whose rows have no order. */
export const unordered: fc.Arbitrary<CopiedBlock> = fc.oneof(
  { weight: 4, arbitrary: plain },
  { weight: 4, arbitrary: grouping },
  { weight: 2, arbitrary: setOperation },
  { weight: 1, arbitrary: withQuery },
  { weight: 1, arbitrary: recursion },
  { weight: 1, arbitrary: windows },
  { weight: 1, arbitrary: distinctOn },
  { weight: 1, arbitrary: scalars },
);

/** Some of them with an order that leaves nothing open, and a limit. A DISTINCT ON has an order of its own. */
export const copiedBlock: fc.Arbitrary<CopiedBlock> = fc
  .tuple(unordered, directions, fc.option(fc.nat(3)), fc.nat(1))
  .map(([block, order, limit, offset]) =>
    limit === null || block.sql.includes("DISTINCT ON")
      ? block
      : {
          ...block,
          sql: `${block.sql} ORDER BY ${orderOf(block.kinds.length, order)} LIMIT ${limit} OFFSET ${offset}`,
        },
  );
