import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../src/postgres/database.ts";
import { analyseBlocks } from "../../src/sql/analyse-blocks.ts";
import { refuseCalledColumns } from "../../src/sql/guard-columns.ts";
import { createParser } from "../../src/sql/parser.ts";
import { createRandom, type Random } from "../support/fuzz-inputs.ts";
import { withDatabase, withSql } from "../support/postgres.ts";

// The oracle is PostgreSQL: what the guard takes for a column must never be planned as a call.

const SEED = Date.now() % 2 ** 32;
const CASES = 3_000;
/** A column of `has` and of nothing else, and a function of any type. */
const SETUP = `CREATE TABLE has (id int, f int, g int); CREATE TABLE lacks (id int, g int);
  CREATE FUNCTION f(anyelement) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;`;

const parser = createParser({ observe: () => {} });
const ALIASES: readonly string[] = ["x", "y"];
const oneOf = <T>(random: Random, ...items: readonly T[]): T => {
  const item = items[random(items.length)];
  if (item === undefined) throw new Error("nothing to choose from");
  return item;
};

/** `ctes` are the WITH queries that may be read. */
interface Around {
  readonly random: Random;
  readonly depth: number;
  readonly ctes: readonly string[];
}

function source(alias: string, around: Around): string {
  const { random, depth, ctes } = around;
  const colnames = oneOf(random, "", "", "", "", "", "", "(a)", "(f)", "(id, f)");
  if (depth <= 0 || random(3) === 0) return `${oneOf(random, "has", "has", "lacks", ...ctes)} AS ${alias}${colnames}`;
  const inner = { ...around, depth: depth - 1 };
  const kind = random(8);
  if (kind === 0) return `(${source("x", inner)} CROSS JOIN ${source("y", inner)}) AS ${alias}${colnames}`;
  if (kind === 1)
    return `(has AS ${alias}1 JOIN ${oneOf(random, "has", "lacks")} AS ${alias}2 USING (${oneOf(random, "id", "g")}) AS ${alias})`;
  if (kind === 2) return `unnest(ARRAY[1, 2]) AS ${alias}${oneOf(random, "", "(f)", "(g)")}`;
  return `${oneOf(random, "", "LATERAL ")}(${select(inner)}) AS ${alias}${colnames}`;
}

function output(aliases: readonly string[], { random, depth, ctes }: Around): string {
  // Mostly a name from the own FROM, sometimes one from around.
  const alias = random(4) === 0 ? oneOf(random, ...ALIASES) : oneOf(random, ...aliases);
  const kind = random(depth > 0 ? 8 : 7);
  if (kind === 0) return "*";
  if (kind < 3) return `${alias}.*`;
  if (kind < 6) return `${alias}.f${oneOf(random, "", "", " AS g", " + 1 AS f")}`;
  if (kind === 6) return oneOf(random, "1 AS f", "abs(1)", "2 AS id");
  return `(SELECT ${alias}.f FROM ${source(oneOf(random, ...ALIASES), { random, depth: depth - 1, ctes })} LIMIT 1)`;
}

function select(around: Around): string {
  const { random, depth } = around;
  const aliases = ALIASES.filter(() => random(2) === 0);
  if (aliases.length === 0) aliases.push("x");
  const sources = aliases.map((alias) => source(alias, around));
  const outputs = Array.from({ length: 1 + random(2) }, () => output(aliases, around));
  const where = random(4) === 0 ? ` WHERE ${oneOf(random, ...aliases)}.f IS NOT NULL` : "";
  const simple = `SELECT ${outputs.join(", ")} FROM ${sources.join(", ")}${where}`;
  return random(10) === 0 && depth > 0 ? `${simple} UNION ALL ${select({ ...around, depth: depth - 1 })}` : simple;
}

function statement(random: Random): string {
  const columns = oneOf(random, "", "", "", "(f)", "(a)");
  const w = select({ random, depth: 1, ctes: [] });
  const v = `SELECT ${oneOf(random, "*", "w.*", "id", "1 AS f")} FROM w, lacks AS z`;
  return `WITH w${columns} AS (${w}), v AS (${v}) ${select({ random, depth: 2, ctes: ["w", "v"] })}`;
}

/** True when the guard takes each qualified `f` for a column. */
async function passes(sql: string): Promise<boolean> {
  const root = (await parser.parse(sql)).stmts?.[0]?.stmt;
  if (root === undefined || !("SelectStmt" in root)) throw new Error(`no SELECT: ${sql}`);
  const positionOf = () => undefined;
  const columns = { types: new Set(["integer"]), everywhere: true };
  const tables = new Map([
    ["has", new Map(["id", "f", "g"].map((name) => [name, columns] as const))],
    ["lacks", new Map(["id", "g"].map((name) => [name, columns] as const))],
  ]);
  try {
    refuseCalledColumns(root.SelectStmt, {
      analysis: analyseBlocks(root.SelectStmt, { selectors: [], positionOf }),
      columnsOf: (relation) => tables.get(relation.relname ?? "") ?? new Map(),
      tenantColumn: "tenant",
      isForbiddenCall: (name) => name === "f",
      positionOf,
    });
    return true;
  } catch {
    return false;
  }
}

/** Whether PostgreSQL plans calls of f; null where it refuses the statement. */
async function calls(sql: string, database: Database): Promise<boolean | null> {
  try {
    return /\bf\(/.test(JSON.stringify(await database.query(`EXPLAIN (VERBOSE, COSTS OFF) ${sql}`)));
  } catch {
    return null;
  }
}

let close: () => void = () => undefined;
let done: Promise<void> = Promise.resolve();
let database: Database;

beforeAll(async () => {
  await new Promise<void>((ready, failed) => {
    done = withDatabase((url) =>
      withSql(url, async (sql) => {
        await sql.query(SETUP);
        database = sql;
        await new Promise<void>((resolve) => {
          close = resolve;
          ready();
        });
      }),
    );
    done.catch(failed);
  });
});

afterAll(async () => {
  close();
  await done;
  await parser.close();
});

test(`what passes as a column is never a call (seed ${SEED})`, async () => {
  const random = createRandom(SEED);
  const counts = { columns: 0, callsRefused: 0, refusedColumns: 0 };
  for (let index = 0; index < CASES; index += 1) {
    const sql = statement(random);
    const called = await calls(sql, database);
    if (called === null) continue;
    if (await passes(sql)) {
      expect(called, `seed ${SEED}: ${sql}`).toBe(false);
      if (/\.f\b/.test(sql)) counts.columns += 1;
    } else if (called) counts.callsRefused += 1;
    else counts.refusedColumns += 1;
  }
  console.info(`columns that could be calls: seed ${SEED}, ${JSON.stringify(counts)}`);
  expect(counts.columns).toBeGreaterThan(0);
  expect(counts.callsRefused).toBeGreaterThan(0);
}, 300_000);
