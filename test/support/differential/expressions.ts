import fc from "fast-check";
import { KINDS, type Kind } from "./random-template.ts";

/** Expressions over one tenant's rows of `l`, by what they give. */
export const EXPRESSIONS: Readonly<Record<Kind, readonly string[]>> = {
  number: [
    "l.id",
    "l.v",
    "l.q",
    "l.n",
    'l."Größe"',
    "l.id + 1",
    "coalesce(l.v, 0)",
    "length(l.grp)",
    "abs(l.q)",
    "l.extra",
    "extract(hour FROM l.at AT TIME ZONE 'UTC')",
    "CASE WHEN l.ok THEN l.id ELSE -1 END",
    "extract(year FROM now())",
    "nullif(l.id, 2)",
  ],
  time: [
    "l.at",
    "l.ts",
    "l.day",
    "l.at + interval '1 hour'",
    "date_trunc('hour', l.at, 'UTC')",
    "date_trunc('day', l.at)",
    "date_trunc('week', l.ts)",
    "date_trunc('month', l.at)",
    "greatest(l.at, timestamptz '2026-01-01Z')",
    "date_trunc('year', now())",
    "date_bin('15 min', l.ts, '2026-01-01')",
  ],
  text: [
    "l.grp",
    "upper(l.grp)",
    "l.grp || '$<tenant>'",
    "'$<tenant>'",
    "coalesce(l.grp, '')",
    "l.v::text",
    "l.id::text",
    'l.grp COLLATE "C"',
    "U&'\\00e9'",
    "E'\\x41b'",
  ],
  boolean: [
    "l.ok",
    "l.v > 0",
    "l.grp IS NULL",
    "'$<tenant>' = 't1'",
    "NOT l.ok",
    "l.at < now()",
    "l.ts >= timestamptz '2026-01-01 00:00Z'",
  ],
};

export const CONDITIONS: readonly string[] = [
  "true",
  "l.id % 2 = 0",
  "l.v > 0",
  "l.q IS NOT NULL",
  "l.grp IN ('a', 'Ä')",
  "l.grp LIKE 'a%'",
  "l.at < timestamptz '2026-01-01 12:00+03'",
  "l.ts >= timestamptz '2026-01-01 02:00+02'",
  "l.at > timestamp '2025-12-31 23:59'",
  "l.at >= date '2026-01-01'",
  "l.day < current_date",
  "l.day <= timestamptz '2026-01-01 00:00Z'",
  "l.at < date_trunc('year', now())",
  "l.ts BETWEEN now() - interval '3 years' AND now()",
  "l.at NOT BETWEEN date_trunc('year', now()) - interval '2 years' AND localtimestamp",
  "extract(epoch FROM l.at) >= 1767225600",
  "extract(epoch FROM l.ts) > 1767229199.999998",
  "extract(epoch FROM l.at) BETWEEN -1e9 AND 1767227400.0000005",
  "extract(epoch FROM l.ts) = 1767225600",
  "1767225600 > date_part('epoch', l.at)",
  "extract(epoch FROM l.at) < extract(epoch FROM date_trunc('year', now()))",
  "$__timeFilter(l.at)",
  "$__timeFilter(date_trunc('day', l.ts))",
  "$__unixEpochFilter(extract(epoch FROM l.ts))",
  "'$<tenant>' <> 't1'",
  "EXISTS (SELECT 1 FROM $<tenant>_r x WHERE x.id = l.id)",
  "l.id IN (SELECT x.w FROM $<tenant>_r x)",
  "l.v >= (SELECT avg(x.v) FROM $<tenant>_l x)",
  "l.ok OR l.v = 'NaN'",
  "l.extra > 5 IS NOT TRUE",
  'l."Größe" > 1',
];

export const AGGREGATES: readonly (readonly [string, Kind])[] = [
  ["count(*)", "number"],
  ["count(DISTINCT l.grp)", "number"],
  ["sum(l.v)", "number"],
  ["sum(l.id)", "number"],
  ["avg(l.q)", "number"],
  ["min(l.v)", "number"],
  ["max(l.at)", "time"],
  ["min(l.grp)", "text"],
  ["bool_or(l.ok)", "boolean"],
  ["string_agg(l.grp, ',' ORDER BY l.grp)", "text"],
  ["count(*) FILTER (WHERE l.v > 0)", "number"],
  ["percentile_cont(0.5) WITHIN GROUP (ORDER BY l.v)", "number"],
];

export const kind: fc.Arbitrary<Kind> = fc.constantFrom(...KINDS);
export const condition: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...CONDITIONS),
  fc
    .tuple(fc.constantFrom(...CONDITIONS), fc.constantFrom(...CONDITIONS), fc.constantFrom("AND", "OR"))
    .map(([a, b, op]) => `(${a} ${op} ${b})`),
);
export const direction: fc.Arbitrary<string> = fc.constantFrom("", " DESC", " NULLS FIRST", " DESC NULLS LAST");
export const directions: fc.Arbitrary<readonly string[]> = fc.array(direction, { minLength: 8, maxLength: 8 });

export const source: fc.Arbitrary<string> = fc.constantFrom(
  "$<tenant>_l l",
  "$<tenant>_l AS l",
  "$<tenant>.l l",
  "$<tenant>_l l JOIN $<tenant>_r r ON r.id = l.id",
  "$<tenant>_l l LEFT JOIN $<tenant>_r r USING (id)",
  "$<tenant>_l l NATURAL JOIN (SELECT id, w FROM $<tenant>_r) r",
  "$<tenant>_l l JOIN (SELECT DISTINCT id AS rid FROM $<tenant>_r) s ON s.rid = l.id",
  "$<tenant>_l l CROSS JOIN LATERAL (SELECT count(*) AS n FROM $<tenant>_r x WHERE x.id = l.id) s",
  "($<tenant>_l l JOIN $<tenant>_r r ON r.w = l.id) LEFT JOIN (VALUES (1, 'one'), (2, 'two')) k (num, word) ON k.num = r.w",
  "$<tenant>_l l, (SELECT max(w) AS top FROM $<tenant>_r) m",
);

export function expressionsOf(wanted: readonly Kind[]): fc.Arbitrary<readonly string[]> {
  return fc.tuple(...wanted.map((one) => fc.constantFrom(...EXPRESSIONS[one])));
}

/** `a AS c0, b AS c1`. */
export function outputs(expressions: readonly string[]): string {
  return expressions.map((expression, index) => `${expression} AS c${index}`).join(", ");
}

/** An order of all of so many columns, which leaves open only rows that are the same. */
export function orderOf(count: number, directions: readonly string[]): string {
  return Array.from({ length: count }, (_, index) => `${index + 1}${directions[index] ?? ""}`).join(", ");
}
