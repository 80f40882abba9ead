import type { Database } from "../../../src/postgres/database.ts";
import { quoteIdentifier, quoteLiteral } from "../../../src/postgres/quote.ts";
import { RANGE } from "../app.ts";
import type { CopiedBlock, RandomColumn, RandomTemplate } from "./random-template.ts";

/** What asking each tenant by itself gives, brought together in plain SQL. It shares no code with the product's own stages. */
export interface DirectAnswer {
  /** Tenants that cannot answer one of the blocks: they are in no row. */
  readonly failed: readonly string[];
  /** Values in the text that the format `rows` writes; null when no tenant can answer. */
  readonly rows: readonly (readonly (string | null)[])[] | null;
  /** PostgreSQL's types of the columns; empty without a row. */
  readonly types: readonly string[];
  /** What PostgreSQL says of an answer that has no value, such as a sum that is too large; null when it has one. */
  readonly refusal: string | null;
}

export interface DirectFleet {
  readonly tenants: readonly { readonly name: string; readonly database: Database }[];
  /** A database without any table. */
  readonly oracle: Database;
}

/** With `narrows` the tenants that the template's WHERE drops are not asked for the first block's rows, and cannot fail there. */
export async function directAnswer(
  template: RandomTemplate,
  fleet: DirectFleet,
  { narrows }: { readonly narrows: boolean },
): Promise<DirectAnswer> {
  const meant = narrows ? await tenantsMeant(template, fleet) : null;
  const asked = await Promise.all(
    fleet.tenants.map(async ({ name, database }) => ({
      name,
      answers: await Promise.all(
        template.blocks.map(async (block, index): Promise<BlockRows | null> => {
          const rows = await askTenant(block, name, database);
          if (index > 0 || meant?.has(name) !== false) return rows;
          return rows === null ? NOT_ASKED : { ...rows, rows: [] };
        }),
      ),
    })),
  );
  const failed = asked.filter(({ answers }) => answers.includes(null)).map(({ name }) => name);
  const none = { failed, rows: null, types: [], refusal: null };
  if (failed.length === asked.length) return none;
  const gathered = template.blocks.map((block, index) => {
    // Who can answer a block gives it its types, even when another block leaves the tenant out of the answer.
    const parts = asked.flatMap(({ name, answers }) => {
      const rows = answers[index] ?? NOT_ASKED;
      return rows.types.length === 0
        ? []
        : [literalRows(block, name, failed.includes(name) ? { ...rows, rows: [] } : rows)];
    });
    return parts.length === 0 ? null : `SELECT * FROM (${parts.join(" UNION ALL ")}) g`;
  });
  if (gathered.includes(null)) return none;
  const sources = gathered.flatMap((part) => part ?? []);
  const outputs = template.columns.flatMap((column, index) => [
    `${asText(column)} AS v${index}`,
    `pg_typeof(${column.name})::text AS t${index}`,
  ]);
  const rows = await fleet.oracle
    .query(`SELECT ${outputs.join(", ")} FROM (${withoutMacros(template.write(sources))}) o`)
    .catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === OUT_OF_RANGE) return error.message;
      throw error;
    });
  if (typeof rows === "string") return { ...none, refusal: rows };
  const [first] = rows;
  return {
    failed,
    refusal: null,
    types: first === undefined ? [] : template.columns.map((_, index) => String(first[`t${index}`])),
    rows: rows.map((row) => template.columns.map((_, index) => canonical(row[`v${index}`], row[`t${index}`]))),
  };
}

const OUT_OF_RANGE = "22003";

/** A tenant whose rows WHERE drops, and which could not give them: it has no say in the block. */
const NOT_ASKED: BlockRows = { types: [], rows: [] };

async function tenantsMeant(
  { narrows }: RandomTemplate,
  { tenants, oracle }: DirectFleet,
): Promise<ReadonlySet<string>> {
  const names = tenants.map(({ name }) => `(${quoteLiteral(name)})`).join(", ");
  const rows = await oracle.query(`SELECT tenant FROM (VALUES ${names}) t (tenant) WHERE ${narrows ?? "true"}`);
  return new Set(rows.map(({ tenant }) => String(tenant)));
}

interface BlockRows {
  readonly types: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** One tenant's rows of a block, as texts with their types; null when the tenant's database refuses the question. */
async function askTenant({ sql, kinds }: CopiedBlock, tenant: string, database: Database): Promise<BlockRows | null> {
  const columns = kinds.map((_, index) => `c${index}`);
  const outputs = columns.flatMap((name) => [
    `s.${name}::text AS ${name}`,
    `pg_typeof(s.${name})::text AS type_${name}`,
  ]);
  // The types are asked for even when there is no row.
  const question = `SELECT s.present, ${outputs.join(", ")} FROM (SELECT 1) one LEFT JOIN (SELECT true AS present, b.* FROM (${forTenant(sql, tenant)}) b) s ON true`;
  const rows = await database.query(question).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && (error.code === "42703" || error.code === "42P01")) return null;
    throw new Error(`the oracle cannot ask: ${question}`, { cause: error });
  });
  if (rows === null) return null;
  return {
    types: columns.map((name) => String(rows[0]?.[`type_${name}`])),
    rows: rows.flatMap((row) => (row.present === true ? [columns.map((name) => textOf(row[name]))] : [])),
  };
}

function literalRows({ kinds }: CopiedBlock, tenant: string, { types, rows }: BlockRows): string {
  const selectOf = (values: readonly (string | null)[]) =>
    `SELECT ${kinds.map((_, index) => `CAST(${quoted(values[index] ?? null)} AS ${types[index]}) AS c${index}`).join(", ")}, ${quoteLiteral(tenant)}::text AS tenant`;
  if (rows.length === 0) return `${selectOf([])} WHERE false`;
  return rows.map(selectOf).join(" UNION ALL ");
}

function quoted(value: string | null): string {
  return value === null ? "NULL" : quoteLiteral(value);
}

/** The block as the tenant's own SQL. */
function forTenant(sql: string, tenant: string): string {
  const named = sql.replaceAll(/\$<tenant>[._](l|r)\b/g, (_, table: string) => quoteIdentifier(table));
  return withoutMacros(named.replaceAll("'$<tenant>'", quoteLiteral(tenant)));
}

/** The macros of the grammar, as Grafana's documentation explains them, over the range of the tests. */
function withoutMacros(sql: string): string {
  const [from, to] = [RANGE.fromMs, RANGE.toMs].map((ms) => new Date(ms).toISOString());
  return sql
    .replaceAll(
      /\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)/g,
      (_, column: string) => `${column} BETWEEN '${from}' AND '${to}'`,
    )
    .replaceAll(
      /\$__unixEpochFilter\(((?:[^()]|\([^()]*\))*)\)/g,
      (_, column: string) => `(${column} >= ${RANGE.fromMs / 1000} AND ${column} <= ${RANGE.toMs / 1000})`,
    );
}

/** What the format `rows` makes of a column, written in SQL. */
function asText({ name, kind }: RandomColumn): string {
  if (kind === "number")
    return `CASE WHEN ${name}::text NOT IN ('NaN', 'Infinity', '-Infinity') THEN ${name}::text END`;
  if (kind === "time") return `CASE WHEN isfinite(${name}) THEN floor(extract(epoch FROM ${name}) * 1000)::text END`;
  return `${name}::text`;
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** Floats are compared to nine digits: the order of adding them is nobody's promise. Numerics are equal whatever their scale. */
export function canonical(value: unknown, type: unknown): string | null {
  const text = textOf(value);
  if (text === null) return null;
  if (type === "double precision" || type === "real") return String(Number(Number(text).toPrecision(9)));
  return type === "numeric" && text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
