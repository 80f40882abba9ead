import fc from "fast-check";
import { copiedBlock, grouping, plain, unordered } from "./copied-blocks.ts";
import { directions, orderOf } from "./expressions.ts";
import { type CopiedBlock, columnsOf, type Kind, type RandomTemplate } from "./random-template.ts";

/** Aggregates of a column of a gathered block, with @ for it. */
const AGGREGATES: Readonly<Record<Kind, readonly (readonly [string, Kind])[]>> = {
  number: [
    ["sum(@)", "number"],
    ["max(@)", "number"],
    ["avg(@)", "number"],
    ["count(DISTINCT @)", "number"],
    ["sum(@) FILTER (WHERE @ > 1)", "number"],
    ["min(@) + 1", "number"],
    ["rank(1) WITHIN GROUP (ORDER BY @)", "number"],
  ],
  time: [
    ["min(@)", "time"],
    ["count(@)", "number"],
    ["date_trunc('day', max(@))", "time"],
  ],
  text: [
    ["max(@)", "text"],
    ["count(@)", "number"],
    ["string_agg(@, '|' ORDER BY @)", "text"],
  ],
  boolean: [
    ["bool_and(@)", "boolean"],
    ["bool_or(@)", "boolean"],
    ["count(@)", "number"],
  ],
};

/** Conditions on a gathered block's first column, which is @, and on the tenant. */
const CONDITIONS: Readonly<Record<Kind, readonly string[]>> = {
  number: ["@ > 1", "@ IS NOT NULL", "@ BETWEEN 0 AND 3", "@ IN (1, 2)"],
  time: ["@ < '2026-01-01 06:00Z'", "@ >= date_trunc('year', now())", "extract(epoch FROM @) > 1767225600"],
  text: ["@ = 'a'", "@ > 'a'", "@ LIKE '%a%'", "@ <> ''"],
  boolean: ["@", "@ IS NOT TRUE"],
};
const TENANTS = [
  "true",
  "TENANT = 't0'",
  "TENANT IN ('t1', 'Ü\"-x', 'nobody')",
  "TENANT ~ '^t'",
  "TENANT ~ 't[01]'",
  "'t1' = TENANT",
  "TENANT <> 't0'",
  "1 = 2",
] as const;

function template(
  blocks: readonly CopiedBlock[],
  write: (sources: readonly string[]) => string,
  kinds: readonly Kind[],
  options: { readonly tenant: boolean; readonly ordered?: boolean },
): RandomTemplate {
  return {
    blocks,
    write: (texts) => write(texts.map((text) => `(${text})`)),
    narrows: null,
    columns: columnsOf(kinds, options),
    ordered: options.ordered === true,
  };
}

/** The same with each block as a WITH query. */
function asWith(one: RandomTemplate): RandomTemplate {
  return {
    ...one,
    write: (texts) => {
      const names = texts.map((_, index) => `w${index}`);
      const queries = texts.map((text, index) => `${names[index]} AS (${text})`).join(", ");
      return `WITH ${queries} ${one.write(names).replaceAll(/\((w\d+)\)/g, "$1")}`;
    },
  };
}

interface Choices {
  readonly pick: number;
  readonly order: readonly string[];
  readonly where: string;
  readonly limit: number;
}

const choices: fc.Arbitrary<Omit<Choices, "where">> = fc.record({
  pick: fc.nat(23),
  order: directions,
  limit: fc.nat(4),
});

/** A condition on the first block's rows; `narrows` is the part of it that is about the tenant. */
function whereOf(
  block: CopiedBlock,
  alias: string,
): fc.Arbitrary<{ readonly where: string; readonly narrows: string }> {
  const column = CONDITIONS[block.kinds[0] ?? "number"].map((text) => text.replaceAll("@", `${alias}.c0`));
  const tenant = TENANTS.map((text) => text.replaceAll("TENANT", `${alias}.tenant`));
  return fc
    .tuple(fc.option(fc.constantFrom(...column)), fc.constantFrom(...tenant))
    .map(([one, other]) => ({ where: one === null ? other : `${one} AND ${other}`, narrows: other }));
}

function aggregateOf(block: CopiedBlock, pick: number): readonly [string, Kind] {
  const known = AGGREGATES[block.kinds[0] ?? "number"];
  const [text, kind] = known[pick % known.length] ?? ["count(@)", "number"];
  return [text.replaceAll("@", "t.c0"), kind];
}

const SINGLE: readonly ((block: CopiedBlock, choices: Choices) => RandomTemplate)[] = [
  (block, { pick, where }) => {
    const [aggregate, kind] = aggregateOf(block, pick);
    return template(
      [block],
      ([t]) => `SELECT ${aggregate} AS c0, count(*) AS c1 FROM ${t} t WHERE ${where}`,
      [kind, "number"],
      { tenant: false },
    );
  },
  (block, { pick, where }) => {
    const [aggregate, kind] = aggregateOf(block, pick);
    return template([block], ([t]) => `SELECT ${aggregate} AS c0 FROM ${t} t WHERE ${where} LIMIT 1`, [kind], {
      tenant: false,
    });
  },
  (block, { where }) =>
    template(
      [block],
      ([t]) => `SELECT 2 AS c0, count(*)::numeric(9, 2) AS c1 FROM ${t} t WHERE ${where} GROUP BY 1, t.c0`,
      ["number", "number"],
      { tenant: false },
    ),
  (block, { pick, where }) => {
    const [aggregate, kind] = aggregateOf(block, pick);
    const text = ([t]: readonly string[]) =>
      `SELECT ${aggregate} AS c0, tenant FROM ${t} t WHERE ${where} GROUP BY tenant ORDER BY tenant DESC`;
    return template([block], text, [kind], { tenant: true, ordered: true });
  },
  (block, { where }) =>
    template(
      [block],
      ([t]) =>
        `SELECT t.c0 AS c0, count(*) AS c1, count(t.c0) AS c2 FROM ${t} t WHERE ${where} GROUP BY t.c0 HAVING count(*) > 1`,
      [block.kinds[0] ?? "number", "number", "number"],
      { tenant: false },
    ),
  (block, { where, order, limit }) => {
    const text = ([t]: readonly string[]) =>
      `SELECT t.* FROM ${t} t WHERE ${where} ORDER BY ${orderOf(block.kinds.length + 1, order)} LIMIT ${limit} OFFSET 1`;
    return template([block], text, block.kinds, { tenant: true, ordered: true });
  },
  (block, { where, order }) =>
    template(
      [block],
      ([t]) => `SELECT DISTINCT t.c0, t.tenant FROM ${t} t WHERE ${where} ORDER BY 2${order[0]}, 1${order[1]}`,
      [block.kinds[0] ?? "number"],
      { tenant: true, ordered: true },
    ),
  (block) =>
    template([block], ([t]) => `SELECT DISTINCT t.c0 FROM ${t} t`, [block.kinds[0] ?? "number"], { tenant: false }),
  (block, { where }) =>
    template(
      [block],
      ([t]) => `SELECT tenant, rank() OVER (ORDER BY count(*) DESC) AS c0 FROM ${t} t WHERE ${where} GROUP BY tenant`,
      ["number"],
      { tenant: true },
    ),
  (block, { where }) =>
    template(
      [block],
      ([t]) => `SELECT t.c0, count(*) OVER (PARTITION BY t.tenant) AS c1, t.tenant FROM ${t} t WHERE ${where}`,
      [block.kinds[0] ?? "number", "number"],
      { tenant: true },
    ),
  (block) =>
    template(
      [block],
      ([t]) => `SELECT t.c0, t.tenant, count(*) AS c1 FROM ${t} t GROUP BY ROLLUP (t.tenant, t.c0)`,
      [block.kinds[0] ?? "number", "number"],
      { tenant: true },
    ),
  (block) =>
    template(
      [block],
      ([t]) =>
        `SELECT u.n AS c0, tenant FROM (SELECT tenant, count(*) AS n FROM ${t} t GROUP BY tenant) u WHERE u.n > 0`,
      ["number"],
      { tenant: true },
    ),
];

/** One copied block and a SELECT around it; blocks of plain rows and of groups most of all, since their work moves. */
export const onceOverOne: fc.Arbitrary<RandomTemplate> = fc
  .tuple(fc.oneof(plain, plain, grouping, copiedBlock), choices, fc.nat(SINGLE.length - 1), fc.nat(3))
  .chain(([block, chosen, form, spelling]) =>
    whereOf(block, "t").map(({ where, narrows }) => {
      const made =
        SINGLE[form]?.(block, { ...chosen, where }) ??
        template([block], ([t]) => `SELECT * FROM ${t} t`, block.kinds, { tenant: true });
      const narrowed = made.write([""]).includes(where) ? { ...made, narrows } : made;
      return spelling === 0 ? asWith(narrowed) : narrowed;
    }),
  );

const DOUBLE: readonly ((one: CopiedBlock, two: CopiedBlock, where: string) => RandomTemplate)[] = [
  (one, two, where) =>
    template(
      [one, two],
      ([t, u]) =>
        `SELECT t.c0, u.n AS c1, tenant FROM ${t} t JOIN (SELECT tenant, count(*) AS n FROM ${u} x GROUP BY tenant) u USING (tenant) WHERE ${where}`,
      [one.kinds[0] ?? "number", "number"],
      { tenant: true },
    ),
  (one, two) =>
    template(
      [one, two],
      ([t, u]) =>
        `SELECT t.c0, tenant FROM ${t} t WHERE (SELECT count(*) FROM ${u} u WHERE u.tenant = t.tenant) > (SELECT count(*) / 4 FROM ${u} y)`,
      [one.kinds[0] ?? "number"],
      { tenant: true },
    ),
  (one, two, where) =>
    template(
      [one, two],
      ([t, u]) =>
        `SELECT t.c0, t.tenant, u.c0 IS NULL AS c1 FROM ${t} t LEFT JOIN ${u} u ON u.tenant = t.tenant AND u.tenant <> 't1' WHERE ${where}`,
      [one.kinds[0] ?? "number", "boolean"],
      { tenant: true },
    ),
  (one, two) =>
    template(
      [one, two],
      ([t, u]) =>
        `SELECT t.c0, tenant FROM ${t} t WHERE EXISTS (SELECT 1 FROM ${u} u WHERE u.tenant = t.tenant AND u.c0 IS NOT NULL)`,
      [one.kinds[0] ?? "number"],
      { tenant: true },
    ),
  (one, two) =>
    template([one, two], ([t, u]) => `SELECT count(*) AS c0 FROM ${t} t CROSS JOIN ${u} u`, ["number"], {
      tenant: false,
    }),
  (one, two, where) =>
    template(
      [one, two],
      ([t, u]) =>
        `SELECT 'sum' AS c0, count(*) AS c1 FROM ${t} t WHERE ${where} UNION ALL SELECT tenant, count(*) FROM ${u} u GROUP BY tenant`,
      ["text", "number"],
      { tenant: false },
    ),
];

export const onceOverTwo: fc.Arbitrary<RandomTemplate> = fc
  .tuple(fc.oneof(plain, unordered), fc.oneof(plain, copiedBlock), fc.nat(DOUBLE.length - 1), fc.boolean())
  .chain(([one, two, form, spelling]) =>
    whereOf(one, "t").map(({ where, narrows }) => {
      const made =
        DOUBLE[form]?.(one, two, where) ??
        template([one], ([t]) => `SELECT * FROM ${t} t`, one.kinds, { tenant: true });
      const narrowed = made.write(["", ""]).includes(where) ? { ...made, narrows } : made;
      return spelling ? asWith(narrowed) : narrowed;
    }),
  );
