import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createCluster } from "../../src/demo/cluster.ts";
import { isAggregate, isSetReturning } from "../../src/sql/aggregates.ts";
import { ALLOWED_FUNCTIONS } from "../../src/sql/allowed-functions.ts";
import { GUARD_TABLES } from "../../src/sql/guard-tables.ts";
import { withSql } from "../support/postgres.ts";
import { askPostgres15 } from "../support/postgres-15.ts";

// The list against what the functions of these names really are, overload by overload, in each major version that is supported.

const overloads = z.array(
  z.object({
    name: z.string(),
    signature: z.string(),
    volatility: z.enum(["i", "s", "v"]),
    kind: z.enum(["f", "a", "w", "p"]),
    language: z.string(),
    definer: z.boolean(),
    args: z.array(z.string()),
    returns: z.string(),
    returnsSet: z.boolean(),
    setsOptions: z.boolean(),
  }),
);
type Overload = z.infer<typeof overloads>[number];

const QUERY = `SELECT json_agg(json_build_object('name', p.proname, 'signature', p.oid::regprocedure::text, 'volatility', p.provolatile,
    'kind', p.prokind, 'language', l.lanname, 'definer', p.prosecdef, 'returns', format_type(p.prorettype, NULL), 'returnsSet', p.proretset,
    'setsOptions', p.proconfig IS NOT NULL, 'args', ARRAY(SELECT format_type(a, NULL) FROM unnest(p.proargtypes) AS a))
    ORDER BY p.oid)::text AS listed
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE p.pronamespace = 'pg_catalog'::regnamespace`;

/** Numbers, whatever their types are called: no function on the list makes an object of them. */
const NUMBERS = /^(int8\(oid\)|(min|max)\((oid|pg_lsn)\))$/;

/**
 * Functions that make texts, bits and arrays and take numbers: of a place, of digits, of a length to cut at. None makes more than it is given,
 * or than its pattern is long.
 */
const SIZED = `chr left overlay regexp_replace regexp_substr right set_bit set_byte split_part substr substring
  to_char to_hex trim_array varbit varchar`.split(/\s+/);

const found = new Map<string, readonly Overload[]>();

beforeAll(async () => {
  const cluster = await createCluster({ name: "functions" });
  const rows = await withSql(cluster.superuserUrl("postgres"), (sql) => sql.query(QUERY)).finally(() =>
    cluster.close(),
  );
  found.set("18", overloads.parse(JSON.parse(z.object({ listed: z.string() }).parse(rows[0]).listed)));
  found.set("15", overloads.parse(JSON.parse(await askPostgres15(QUERY))));
}, 120_000);

/** All overloads of the functions on the list, by version. */
function listed(version: string): readonly Overload[] {
  return (found.get(version) ?? []).filter(({ name }) => ALLOWED_FUNCTIONS.has(name));
}

const signatures = (functions: readonly Overload[]) => functions.map(({ signature }) => signature).sort();

/** Functions whose answer is another each time, and which do nothing else. */
const VOLATILE = [
  "clock_timestamp()",
  "gen_random_uuid()",
  "random()",
  "random(bigint,bigint)",
  "random(integer,integer)",
  "random(numeric,numeric)",
  "uuidv4()",
  "uuidv7()",
  "uuidv7(interval)",
];

/** The configuration of a text search: it names a dictionary, and no relation is read. */
const TEXT_SEARCH = /^(phraseto_tsquery|plainto_tsquery|to_tsquery|to_tsvector|websearch_to_tsquery)\(regconfig,/;

describe.each(["15", "18"])("in PostgreSQL %s", (version) => {
  test("nothing on the list is volatile but what was reviewed", () => {
    const volatile = signatures(listed(version).filter(({ volatility }) => volatility === "v"));
    expect(volatile.filter((signature) => !VOLATILE.includes(signature))).toEqual([]);
    expect(volatile).toContain("random()");
  });

  test("nothing takes an object's identifier, a cursor or what only the server may make", () => {
    const suspicious = /^(reg|internal$|cstring$|refcursor$|aclitem|pg_|trigger|event_trigger|.*_handler$|oid$)/;
    const odd = listed(version).filter(({ args }) => args.some((type) => suspicious.test(type)));
    expect(signatures(odd).filter((text) => !TEXT_SEARCH.test(text) && !NUMBERS.test(text))).toEqual([]);
  });

  test("nothing returns one, but pg_typeof", () => {
    const odd = listed(version).filter(({ returns }) =>
      /^(reg|internal$|cstring$|refcursor$|aclitem|trigger)/.test(returns),
    );
    expect(signatures(odd)).toEqual(['pg_typeof("any")']);
  });

  test("nothing runs as its owner, changes settings or is a procedure", () => {
    expect(
      signatures(listed(version).filter(({ definer, setsOptions, kind }) => definer || setsOptions || kind === "p")),
    ).toEqual([]);
    const languages = new Set(listed(version).map(({ language }) => language));
    expect([...languages].sort()).toEqual(["internal", "sql"]);
  });

  test("nothing takes a number that says how long its answer is", () => {
    const sized = listed(version).filter(
      ({ args, returns }) =>
        /^(text|character|character varying|bytea|bit|bit varying|anyarray|polygon|path)$/.test(returns) &&
        args.some((type) => /^(integer|bigint)$/.test(type)),
    );
    expect(new Set(sized.map(({ name }) => name))).toEqual(new Set(SIZED));
  });

  test("every aggregate and every set of rows is known to be one", () => {
    const call = (name: string) => ({ funcname: [{ String: { sval: name } }] });
    const named = (matching: readonly Overload[]) => [...new Set(matching.map(({ name }) => name))];
    const aggregates = named(listed(version).filter(({ kind }) => kind === "a"));
    expect(aggregates).toContain("rank");
    expect(aggregates.filter((name) => !isAggregate(call(name)))).toEqual([]);
    const sets = named(listed(version).filter(({ returnsSet }) => returnsSet));
    expect(sets).toContain("unnest");
    expect(sets.filter((name) => !isSetReturning(call(name)))).toEqual([]);
  });

  test("sets of rows are made of the arguments", () => {
    const made = /^(generate_|json_|jsonb_|regexp_|string_to_table$|unnest$)/;
    const sets = listed(version).filter(({ returnsSet, name }) => returnsSet && !made.test(name));
    expect(signatures(sets)).toEqual([]);
  });

  test("nothing that is dangerous by its name is on the list, or a type that may be called", () => {
    const dangerous = (found.get(version) ?? []).filter(({ name }) => DANGEROUS.test(name));
    expect(dangerous.length).toBeGreaterThan(500);
    const reachable = dangerous.filter(({ name }) => ALLOWED_FUNCTIONS.has(name) || GUARD_TABLES.types.has(name));
    expect(signatures(reachable)).toEqual(['pg_typeof("any")']);
  });
});

test("each name on the list is a function of some version, or a word of PostgreSQL's grammar that becomes one", () => {
  const known = new Set([...found.values()].flat().map(({ name }) => name));
  expect([...ALLOWED_FUNCTIONS].filter((name) => !known.has(name))).toEqual([]);
});

/** What threats to a fleet are made of: readers of catalogs, files, settings and sessions, writers, waiters, and runners of SQL. */
const DANGEROUS =
  /^(pg_|dblink|lo_|lowrite|loread|set_config|current_|session_user|system_user|query_to_|table_to_|schema_to_|database_to_|cursor_to_|ts_stat|ts_rewrite|ts_debug|ts_parse|ts_token_type|ts_lexize|nextval|setval|currval|lastval|txid_|has_|to_reg|inet_(client|server)_|version$|xpath|xml|postgres_fdw_|(obj|col|shobj)_desc|row_security|format_type|getdatabaseencoding|getpgusername|binary_upgrade|aclexplode|makeaclitem|acl|repeat$|[lr]pad$|array_fill$|factorial$|.*_(in|out|recv|send)$)/;
