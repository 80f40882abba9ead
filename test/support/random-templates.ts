import fc from "fast-check";

/**
 * Random templates over two relations, `l` and `r`, and what each means in plain SQL. Every block has the columns c0, c1, …;
 * `$<tenant>` stands only where its meaning is a plain replacement, so that the expectation needs no code of the product.
 */
export interface RandomTemplate {
  readonly sql: string;
  /** The same question to a database with every tenant's relations in a schema of the tenant's name. */
  readonly oracle: (tenants: readonly string[]) => string;
  readonly columns: readonly Column[];
  /** True when the rows' order is part of the answer. */
  readonly ordered: boolean;
}

export type Kind = "number" | "time" | "text" | "boolean";
export type Column = { readonly name: string; readonly kind: Kind };

/** A SELECT that is copied for each tenant. */
interface Copied {
  readonly sql: string;
  readonly kinds: readonly Kind[];
}

const EXPRESSIONS: Readonly<Record<Kind, readonly string[]>> = {
  number: [
    "l.id",
    "l.v",
    "l.q",
    "l.id + 1",
    "coalesce(l.v, 0)",
    "length(l.grp)",
    "abs(l.q)",
    "extract(hour FROM l.at AT TIME ZONE 'UTC')",
  ],
  time: [
    "l.at",
    "l.at + interval '1 hour'",
    "date_trunc('hour', l.at, 'UTC')",
    "greatest(l.at, timestamptz '2026-01-01Z')",
  ],
  text: [
    "l.grp",
    "upper(l.grp)",
    "l.grp || '$<tenant>'",
    "'$<tenant>'",
    "coalesce(l.grp, '')",
    "l.v::text",
    "l.id::text",
  ],
  boolean: ["l.ok", "l.v > 0", "l.grp IS NULL", "'$<tenant>' = 't1'", "NOT l.ok"],
};

const CONDITIONS: readonly string[] = [
  "true",
  "l.id % 2 = 0",
  "l.v > 0",
  "l.q IS NOT NULL",
  "l.grp IN ('a', 'Ä')",
  "l.grp LIKE 'a%'",
  "l.at < timestamptz '2026-01-01 12:00+03'",
  "'$<tenant>' <> 't1'",
  "EXISTS (SELECT 1 FROM $<tenant>_r x WHERE x.id = l.id)",
  "l.v >= (SELECT avg(x.v) FROM $<tenant>_l x)",
  "l.ok OR l.v = 'NaN'",
];

const AGGREGATES: readonly (readonly [string, Kind])[] = [
  ["count(*)", "number"],
  ["count(DISTINCT l.grp)", "number"],
  ["sum(l.v)", "number"],
  ["avg(l.q)", "number"],
  ["min(l.v)", "number"],
  ["max(l.at)", "time"],
  ["min(l.grp)", "text"],
  ["bool_or(l.ok)", "boolean"],
  ["string_agg(l.grp, ',' ORDER BY l.grp)", "text"],
  ["count(*) FILTER (WHERE l.v > 0)", "number"],
];

/** Aggregates of a column of a gathered block. */
const OUTER: Readonly<Record<Kind, readonly (readonly [string, Kind])[]>> = {
  number: [
    ["sum(@)", "number"],
    ["max(@)", "number"],
    ["count(DISTINCT @)", "number"],
  ],
  time: [
    ["min(@)", "time"],
    ["count(@)", "number"],
  ],
  text: [
    ["max(@)", "text"],
    ["string_agg(@, '|' ORDER BY @)", "text"],
  ],
  boolean: [
    ["bool_and(@)", "boolean"],
    ["count(@)", "number"],
  ],
};

const kind = fc.constantFrom<Kind>("number", "time", "text", "boolean");
const kinds = fc.array(kind, { minLength: 1, maxLength: 4 });
const source = fc.constantFrom(
  "$<tenant>_l l",
  "$<tenant>_l l JOIN $<tenant>_r r ON r.id = l.id",
  "$<tenant>_l l LEFT JOIN $<tenant>_r r USING (id)",
  "$<tenant>_l l JOIN (SELECT DISTINCT id AS rid FROM $<tenant>_r) s ON s.rid = l.id",
  "$<tenant>_l l CROSS JOIN LATERAL (SELECT count(*) AS n FROM $<tenant>_r x WHERE x.id = l.id) s",
);
const condition = fc.constantFrom(...CONDITIONS);
const direction = fc.constantFrom("", " DESC", " NULLS FIRST", " DESC NULLS LAST");

function expressionsOf(wanted: readonly Kind[]): fc.Arbitrary<readonly string[]> {
  return fc.tuple(...wanted.map((one) => fc.constantFrom(...EXPRESSIONS[one])));
}

function outputs(expressions: readonly string[]): string {
  return expressions.map((expression, index) => `${expression} AS c${index}`).join(", ");
}

function projection(wanted: readonly Kind[]): fc.Arbitrary<Copied> {
  return fc
    .tuple(expressionsOf(wanted), source, condition, fc.boolean())
    .map(([expressions, from, where, distinct]) => ({
      sql: `SELECT ${distinct ? "DISTINCT " : ""}${outputs(expressions)} FROM ${from} WHERE ${where}`,
      kinds: wanted,
    }));
}

const grouping: fc.Arbitrary<Copied> = fc
  .tuple(
    fc.subarray([...AGGREGATES], { minLength: 1, maxLength: 3 }),
    kind,
    source,
    condition,
    fc.boolean(),
    fc.boolean(),
  )
  .chain(([aggregates, key, from, where, grouped, having]) =>
    fc.constantFrom(...EXPRESSIONS[key]).map((expression) => {
      const items = [...(grouped ? [expression] : []), ...aggregates.map(([aggregate]) => aggregate)];
      const tail = `${grouped ? " GROUP BY 1" : ""}${having ? " HAVING count(*) > 1" : ""}`;
      return {
        sql: `SELECT ${outputs(items)} FROM ${from} WHERE ${where}${tail}`,
        kinds: [...(grouped ? [key] : []), ...aggregates.map(([, result]) => result)],
      };
    }),
  );

const setOperation: fc.Arbitrary<Copied> = kinds.chain((wanted) =>
  fc
    .tuple(
      projection(wanted),
      projection(wanted),
      fc.constantFrom("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL"),
    )
    .map(([left, right, operation]) => ({ sql: `${left.sql} ${operation} ${right.sql}`, kinds: wanted })),
);

const withQuery: fc.Arbitrary<Copied> = kinds.chain((wanted) =>
  projection(["number", ...wanted]).map(({ sql }) => ({
    sql: `WITH w AS (${sql}) SELECT ${outputs(wanted.map((_, index) => `w.c${index + 1}`))} FROM $<tenant>_r r JOIN w ON w.c0 >= r.w`,
    kinds: wanted,
  })),
);

const ranking: fc.Arbitrary<Copied> = fc.tuple(source, condition, direction).map(([from, where, order]) => ({
  sql: `SELECT l.id AS c0, rank() OVER (PARTITION BY l.grp ORDER BY l.id${order}) AS c1 FROM ${from} WHERE ${where}`,
  kinds: ["number", "number"] as const,
}));

const unordered = fc.oneof(kinds.chain(projection), grouping, setOperation, withQuery, ranking);

/** A copied block with an order that leaves nothing open, and perhaps a limit: rows that are equal in all columns are the same rows. */
const limited: fc.Arbitrary<Copied> = fc
  .tuple(unordered, fc.array(direction, { minLength: 8, maxLength: 8 }), fc.option(fc.nat(3)), fc.nat(1))
  .map(([block, directions, limit, offset]) =>
    limit === null
      ? block
      : {
          ...block,
          sql: `${block.sql} ORDER BY ${orderOf(block.kinds.length, directions)} LIMIT ${limit} OFFSET ${offset}`,
        },
  );

function orderOf(count: number, directions: readonly string[]): string {
  return Array.from({ length: count }, (_, index) => `${index + 1}${directions[index] ?? ""}`).join(", ");
}

function forTenant(sql: string, tenant: string): string {
  return sql.replaceAll(/\$<tenant>_(l|r)/g, `"${tenant}".$1`).replaceAll("$<tenant>", tenant);
}

function gathered(block: Copied, tenants: readonly string[]): string {
  return tenants
    .map((tenant) => `SELECT s.*, '${tenant}'::text AS tenant FROM (${forTenant(block.sql, tenant)}) s`)
    .join(" UNION ALL ");
}

function columnsOf(result: readonly Kind[], tenant: boolean): readonly Column[] {
  const named = result.map((one, index) => ({ name: `c${index}`, kind: one }));
  return tenant ? [...named, { name: "tenant", kind: "text" }] : named;
}

const copied: fc.Arbitrary<RandomTemplate> = limited.map((block) => ({
  sql: block.sql,
  oracle: (tenants) => gathered(block, tenants),
  columns: columnsOf(block.kinds, true),
  ordered: false,
}));

const copiedInOrder: fc.Arbitrary<RandomTemplate> = fc
  .tuple(unordered, fc.array(direction, { minLength: 8, maxLength: 8 }))
  .map(([block, directions]) => {
    const order = orderOf(block.kinds.length + 1, directions);
    return {
      sql: `${block.sql} ORDER BY ${order}`,
      oracle: (tenants) => `SELECT * FROM (${gathered(block, tenants)}) g ORDER BY ${order}`,
      columns: columnsOf(block.kinds, true),
      ordered: true,
    };
  });

/** A SELECT that runs once, with @ for its copied block. */
const once: fc.Arbitrary<RandomTemplate> = fc
  .tuple(limited, limited, fc.nat(4), fc.array(direction, { minLength: 8, maxLength: 8 }), fc.boolean(), fc.nat(7))
  .map(([block, other, shape, directions, asWith, picked]): RandomTemplate => {
    const first = block.kinds[0] ?? "number";
    const [aggregate, result] = OUTER[first][picked % OUTER[first].length] ?? ["count(@)", "number"];
    const value = aggregate.replaceAll("@", "t.c0");
    const make = (
      build: (one: string, two: string) => string,
      result: readonly Kind[],
      tenant: boolean,
      ordered = false,
    ): RandomTemplate => {
      const text = (one: string, two: string): string =>
        asWith ? `WITH one AS (${one}), two AS (${two}) ${build("one", "two")}` : build(`(${one})`, `(${two})`);
      return {
        sql: text(block.sql, other.sql),
        oracle: (tenants) => text(gathered(block, tenants), gathered(other, tenants)),
        columns: columnsOf(result, tenant),
        ordered,
      };
    };
    switch (shape) {
      case 0:
        return make((one) => `SELECT ${value} AS c0, count(*) AS c1 FROM ${one} t`, [result, "number"], false);
      case 1:
        return make(
          (one) => `SELECT ${value} AS c0, tenant FROM ${one} t GROUP BY tenant ORDER BY tenant DESC`,
          [result],
          true,
          true,
        );
      case 2:
        return make(
          (one) =>
            `SELECT DISTINCT t.* FROM ${one} t WHERE tenant <> 't0' ORDER BY ${orderOf(block.kinds.length + 1, directions)} LIMIT 5`,
          block.kinds,
          true,
          true,
        );
      case 3:
        return make(
          (one, two) =>
            `SELECT t.c0, u.n AS c1, tenant FROM ${one} t JOIN (SELECT tenant, count(*) AS n FROM ${two} x GROUP BY tenant) u USING (tenant)`,
          [first, "number"],
          true,
        );
      default:
        return make(
          (one, two) =>
            `SELECT t.c0, tenant FROM ${one} t WHERE (SELECT count(*) FROM ${two} u WHERE u.tenant = t.tenant) > (SELECT count(*) / 4 FROM ${two} y)`,
          [first],
          true,
        );
    }
  });

/** Copied blocks, copied blocks in order, and SELECTs that run once over them. */
export const randomTemplate: fc.Arbitrary<RandomTemplate> = fc.oneof(copied, copiedInOrder, once, once);
